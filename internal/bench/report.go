package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what a run measured.
type Report struct {
	Machine               Machine
	Rounds                int
	All                   bool // no group was left out
	Took                  time.Duration
	LoadBefore, LoadAfter string
	Groups                []Result
}

// Result is what a group measured.
type Result struct {
	Name, Title string
	Lines       []Line
	Steps       []Steps `json:",omitempty"`
}

// Line is a row with its figures.
type Line struct {
	What         string
	Unit         unit
	Value        float64 // the median
	Values       []float64
	Rounds       int
	Against      string `json:",omitempty"`
	AgainstValue float64
	Reach        string `json:",omitempty"` // "≤ 1.9 ×"
	Met          string `json:",omitempty"` // "yes" or "no"
	Failed       string `json:",omitempty"` // why there are no figures
	README       bool   `json:",omitempty"`
}

// Failures is how many lines have no figures.
func (r *Report) Failures() int {
	n := 0
	for _, g := range r.Groups {
		for _, l := range g.Lines {
			if l.Failed != "" {
				n++
			}
		}
	}
	return n
}

// Save writes a report to a file, for Load.
func (r *Report) Save(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// Load reads a report that was saved.
func Load(file string) (*Report, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var r Report
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	return &r, nil
}

// Text is the table for a terminal.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s; commit %s; load %s before and %s after; took %s\n",
		r.describe(), r.Machine.Commit, r.LoadBefore, r.LoadAfter, r.Took.Round(time.Second))
	for _, g := range r.Groups {
		fmt.Fprintf(&b, "\n%s", g.text())
	}
	for _, g := range r.Groups {
		for _, s := range g.Steps {
			b.WriteString("\n" + s.text())
		}
	}
	return b.String()
}

// text is a group's table, and why rows of it failed.
func (r Result) text() string {
	var b, failures strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", r.Name, r.Title)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  \tmedian\tfrom\tto\tcompared with\t\tratio\treach\t")
	for _, l := range r.Lines {
		c := l.cells()
		if l.Failed != "" {
			fmt.Fprintf(&failures, "  %s: %s\n", plain(l.What), plain(l.Failed))
			c.against = ""
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", plain(l.What), c.value, c.fastest, c.slowest, plain(c.against), c.againstValue, c.ratio, l.Reach, l.Met)
	}
	_ = w.Flush()
	return b.String() + failures.String()
}

// describe is the machine in one line.
func (r *Report) describe() string {
	m := r.Machine
	return fmt.Sprintf("%d cores of %s, Linux %s, %s, BuildKit %s, Docker Engine %s, ko %s; medians of %d",
		m.Cores, m.CPU, m.Kernel, strings.Replace(m.Go, "go", "Go ", 1), m.BuildKit, m.Docker, m.Ko, r.Rounds)
}

// plain is text without Markdown's backticks.
func plain(text string) string { return strings.ReplaceAll(text, "`", "") }

// cells are a line's figures as text.
type cells struct{ value, fastest, slowest, against, againstValue, ratio string }

func (l Line) cells() cells {
	if l.Failed != "" {
		return cells{value: "failed", against: l.Failed}
	}
	c := cells{value: l.Unit.format(l.Value), against: l.Against}
	if len(l.Values) > 1 {
		c.fastest, c.slowest = l.Unit.format(slices.Min(l.Values)), l.Unit.format(slices.Max(l.Values))
	}
	if l.Against == "" {
		return c
	}
	c.againstValue = l.Unit.format(l.AgainstValue)
	switch {
	case strings.HasPrefix(l.Reach, "≤ +"):
		c.ratio = fmt.Sprintf("%+.2f s", l.Value-l.AgainstValue)
	case l.AgainstValue > 0:
		c.ratio = fmt.Sprintf("%.2f ×", l.Value/l.AgainstValue)
	}
	return c
}

// text lists the steps with their starts.
func (s Steps) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", s.Title)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "at\ttakes\t  step")
	for _, step := range s.Steps {
		fmt.Fprintf(w, "%.2f\t%.2f\t  %s\n", step.At.Seconds(), step.Takes.Seconds(), shortened(step.Name))
	}
	_ = w.Flush()
	return b.String()
}

// shortened cuts a step's name to a line.
func shortened(name string) string {
	const width = 90
	if r := []rune(name); len(r) > width {
		return string(r[:width-1]) + "…"
	}
	return name
}
