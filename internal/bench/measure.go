package bench

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// outcome is what one way's runs gave, until it failed.
type outcome struct {
	samples []sample
	err     error
}

// measure takes a group's ways in turns and makes the lines of its rows.
func (l *lab) measure(ctx context.Context, g group, rounds int) Result {
	l.say("%s: %s", g.name, g.title)
	start := time.Now()
	res := Result{Name: g.name, Title: g.title}
	outcomes := map[string]*outcome{}
	b, err := g.set(ctx, l)
	if err != nil {
		l.say("%s: cannot be measured: %v", g.name, err)
	}
	for _, w := range g.ways {
		outcomes[w.name] = &outcome{err: err}
	}
	if err == nil {
		l.warm(ctx, g, b, outcomes)
		l.turns(ctx, g, b, outcomes, rounds)
		for _, variants := range g.explained {
			res.explain(ctx, b, variants)
		}
		if err := b.close(); err != nil {
			l.say("%s: %v", g.name, err)
		}
	}
	for _, r := range g.rows {
		res.Lines = append(res.Lines, g.line(r, outcomes))
	}
	l.say("%s: took %s", g.name, seconds.format(time.Since(start).Seconds()))
	return res
}

// warm fills the caches: each way runs once, unless it is cold each time.
func (l *lab) warm(ctx context.Context, g group, b *bed, outcomes map[string]*outcome) {
	for _, w := range g.ways {
		if w.rounds == 0 {
			l.once(ctx, g, w, b, outcomes[w.name], "warming up")
		}
	}
	for _, w := range g.ways {
		outcomes[w.name].samples = nil
	}
}

// turns takes the rounds.
func (l *lab) turns(ctx context.Context, g group, b *bed, outcomes map[string]*outcome, rounds int) {
	for n := range rounds {
		for _, w := range g.ways {
			if w.rounds == 0 || n < w.rounds {
				l.once(ctx, g, w, b, outcomes[w.name], fmt.Sprintf("round %d", n+1))
			}
		}
	}
}

// once runs a way that has not failed yet.
func (l *lab) once(ctx context.Context, g group, w way, b *bed, o *outcome, when string) {
	if o.err != nil {
		return
	}
	limited, cancel := context.WithTimeout(ctx, wayLimit)
	defer cancel()
	s, err := w.run(limited, b)
	if err != nil {
		o.err = err
		l.say("%s: %s: %s failed: %v", g.name, when, w.label, err)
		return
	}
	o.samples = append(o.samples, s)
	l.say("%s: %s: %s: %s", g.name, when, w.label, seconds.format(s.took.Seconds()))
}

// line is a row with its figures, or with why it has none.
func (g group) line(r row, outcomes map[string]*outcome) Line {
	w, _ := g.way(r.way)
	line := Line{What: r.what, Unit: r.figure.unit, Reach: r.reach.text(r.figure.unit), README: r.readme}
	of := outcomes[w.name]
	if of.err != nil {
		line.Failed = failure(w, of.err)
		return line
	}
	values := of.figures(r.figure)
	line.Rounds, line.Value = len(values), median(values)
	line.Values = values
	if against, ok := g.way(r.against); ok {
		line.Against = against.label
		other := outcomes[against.name]
		if other.err != nil {
			line.Failed = failure(against, other.err)
			return line
		}
		line.AgainstValue = median(other.figures(r.figure))
	}
	line.Met = r.reach.met(line)
	return line
}

// figures are those of all samples.
func (o *outcome) figures(f figure) []float64 {
	var values []float64
	for _, s := range o.samples {
		values = append(values, f.of(s))
	}
	return values
}

// failure is one line: the rest was said while measuring.
func failure(w way, err error) string {
	first, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return w.label + ": " + first
}

// text is how the table shows it, "" where there is nothing to reach.
func (r reach) text(u unit) string {
	switch {
	case r.ratio != 0:
		return fmt.Sprintf("≤ %.4g ×", r.ratio)
	case r.plus != 0:
		return "≤ +" + u.short(r.plus)
	case r.most != 0:
		return "≤ " + u.short(r.most)
	}
	return ""
}

// short is format without digits that are zero.
func (u unit) short(v float64) string {
	switch u {
	case megabytes:
		return fmt.Sprintf("%.4g MB", v/1e6)
	case mebibytes:
		return fmt.Sprintf("%.4g MiB", v/(1<<20))
	}
	if v < 0.1 {
		return fmt.Sprintf("%.4g ms", v*1e3)
	}
	return fmt.Sprintf("%.4g s", v)
}

// met says whether a line reaches it: "yes", "no", or "" where there is nothing to reach.
func (r reach) met(l Line) string {
	var reached bool
	switch {
	case r.ratio != 0:
		reached = l.Value <= r.ratio*l.AgainstValue
	case r.plus != 0:
		reached = l.Value <= r.plus+l.AgainstValue
	case r.most != 0:
		reached = l.Value <= r.most
	default:
		return ""
	}
	if reached {
		return "yes"
	}
	return "no"
}
