package bench

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// row is one measurement's outcome.
type row struct {
	program, label string
	samples        []time.Duration // sorted
}

// table collects what was measured in one run.
type table struct {
	rows  []row
	steps []string // by program
}

// measure times each measurement after edits of its own, one after the other in rounds,
// and reports the medians.
func (t *table) measure(b *testing.B, p *program, measurements []measurement) {
	rows := make([]row, len(measurements))
	for n := range rounds {
		for i, m := range measurements {
			if n >= m.rounds {
				continue
			}
			p.edit(b)
			start := time.Now()
			if err := m.run(b.Context(), p); err != nil {
				b.Fatal(err)
			}
			rows[i].samples = append(rows[i].samples, time.Since(start))
		}
	}
	for i, m := range measurements {
		rows[i].program, rows[i].label = p.name, m.label
		slices.Sort(rows[i].samples)
		b.ReportMetric(median(rows[i].samples).Seconds(), "s/"+m.name)
	}
	b.ReportMetric(0, "ns/op") // hides it: it would be that of all together
	t.rows = append(t.rows, rows...)
}

// ratio compares with the program's first row.
func (t *table) ratio(r row) float64 {
	first := t.rows[slices.IndexFunc(t.rows, func(f row) bool { return f.program == r.program })]
	return times(r.samples, first.samples)
}

// String is the table as people read it.
func (t *table) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "median\tx\tfastest\tslowest\tturns\t  after an edit of main.go")
	last := ""
	for _, r := range t.rows {
		if r.program != last {
			fmt.Fprintf(w, "\t\t\t\t\t  %s\n", r.program)
			last = r.program
		}
		fmt.Fprintf(w, "%s\t%.1f\t%s\t%s\t%d\t  %s\n", seconds(median(r.samples)), t.ratio(r),
			seconds(r.samples[0]), seconds(r.samples[len(r.samples)-1]), len(r.samples), r.label)
	}
	_ = w.Flush()
	return b.String() + strings.Join(t.steps, "")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2fs", d.Seconds()) }
