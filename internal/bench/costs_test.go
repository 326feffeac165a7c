package bench

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// way is one way to variants of a program.
type way struct {
	name, label string
	edits       int // on each builder
	build       func(parts, *testing.B, *program) error
}

// ways are compared with each other, the first is the measure of the others.
func ways() []way {
	dlvgen := func(name, variants, label string) way {
		return way{name, "dlvgen: " + label, 3, func(on parts, b *testing.B, p *program) error { return on.derive(b.Context(), p, variants) }}
	}
	return []way{
		dlvgen("remote", "remote", "remote"),
		dlvgen("three", "remote,remote-src,attach", "remote, remote-src and attach"),
		dlvgen("sidecar", "sidecar", "sidecar"),
		dlvgen("all", "all", "all four"),
		{"tutorial", "the tutorial's four Dockerfiles", 1, func(on parts, b *testing.B, p *program) error { return on.tutorial(b.Context(), p) }},
	}
}

// BenchmarkVariants measures each way on builders of its own: cold, when the builder
// has the base images and nothing else (no modules, no compiled packages, no layers
// in the registry), and then after edits of main.go. ns/op is the cold median.
func BenchmarkVariants(b *testing.B) {
	testenv.Require(b, testenv.NeedBuildKit)
	var results costs
	for _, p := range []*program{hello(b), large(b)} {
		b.Run(p.name, func(b *testing.B) {
			for _, w := range ways() {
				b.Run(w.name, func(b *testing.B) { results.measure(b, p, w) })
			}
		})
	}
	fmt.Print("\n", results.String(), "\n")
}

// cost is what one way takes.
type cost struct {
	program, label string
	cold, edit     []time.Duration
	first, next    tally // what the last builder sent, cold and after an edit
}

// costs are the rows of a table.
type costs []cost

func (c *costs) measure(b *testing.B, p *program, w way) {
	builders := 2 // at least
	if p.name == "large" {
		builders = 1
	}
	one := cost{program: p.name, label: w.label}
	n := 0
	for b.Loop() {
		one.sample(b, p, w)
		n++
	}
	for ; n < builders; n++ {
		one.sample(b, p, w)
	}
	*c = append(*c, one)
	b.ReportMetric(float64(median(one.cold).Nanoseconds()), "ns/op")
	b.ReportMetric(median(one.edit).Seconds(), "s/edit")
	b.ReportMetric(float64(one.first.bytes), "B-sent")
}

// sample takes a new builder through one cold build and some edits.
func (c *cost) sample(b *testing.B, p *program, w way) {
	on, end := newParts(b)
	defer end()
	timed := func() time.Duration {
		p.edit(b)
		start := time.Now()
		if err := w.build(on, b, p); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	c.cold = append(c.cold, timed())
	c.first = on.uploads.take()
	for range w.edits {
		c.edit = append(c.edit, timed())
		c.next = on.uploads.take()
	}
}

// String is the table as people read it. x compares with the program's first row,
// twice are uploads of blobs that the way had uploaded before.
func (c costs) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "cold\tx\tafter an edit\tx\tsent cold\tblobs\ttwice\tsent after an edit\ttwice\t  each on builders of its own, pushed")
	last := ""
	for _, r := range c {
		if r.program != last {
			fmt.Fprintf(w, "\t\t\t\t\t\t\t\t\t  %s\n", r.program)
			last = r.program
		}
		one := c[slices.IndexFunc(c, func(o cost) bool { return o.program == r.program })]
		fmt.Fprintf(w, "%s\t%.2f\t%s\t%.2f\t%s\t%d\t%d\t%s\t%d\t  %s\n",
			seconds(median(r.cold)), times(r.cold, one.cold), seconds(median(r.edit)), times(r.edit, one.edit),
			megabytes(r.first.bytes), len(r.first.blobs), r.first.repeated(), megabytes(r.next.bytes), r.next.repeated(), r.label)
	}
	_ = w.Flush()
	return b.String()
}

// times is how often the median of others goes into that of samples.
func times(samples, others []time.Duration) float64 {
	return median(samples).Seconds() / median(others).Seconds()
}

// median is the lower of the middle two where there is no middle.
func median(samples []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[(len(sorted)-1)/2]
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }
