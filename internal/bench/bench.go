// Package bench measures what dlvgen is for: the time from an edit to a pushed debug
// image, and to a breakpoint in it, beside the bare compile of the same edit on the host,
// which is the floor, and beside ko; and what cold builds, rebuilds of nothing and the
// frontend's memory cost. Its rows are a table in code (table.go). Nothing here asserts
// speed.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"
)

// wayLimit ends a run of a way that hangs.
const wayLimit = 15 * time.Minute

// Options say what is measured.
type Options struct {
	// Rows selects groups of rows by name, unanchored; nil selects all.
	Rows *regexp.Regexp

	// Rounds is how often each way is measured; cold ones have fewer.
	Rounds int

	// Progress is told what happens.
	Progress io.Writer
}

// Names are those of the groups, in the table's order.
func Names() []string {
	var names []string
	for _, g := range groups {
		names = append(names, g.name)
	}
	return names
}

// Run measures the selected groups, one after the other. A way that fails takes its rows
// with it, which say why, and no others. Where ctx ends, the report has the groups that were
// measured by then, beside the error.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	l, err := newLab(ctx, o.Progress)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	r := &Report{Machine: machine(ctx, l.root), Rounds: o.Rounds, All: true, LoadBefore: load()}
	start := time.Now()
	defer func() { r.Took, r.LoadAfter = time.Since(start), load() }()
	for _, g := range groups {
		if o.Rows != nil && !o.Rows.MatchString(g.name) {
			r.All = false
			continue
		}
		r.Groups = append(r.Groups, l.measure(ctx, g, o.Rounds))
		if err := ctx.Err(); err != nil {
			r.All = false
			return r, err
		}
	}
	if len(r.Groups) == 0 {
		return nil, fmt.Errorf("no rows match %q: the names are %q", o.Rows, Names())
	}
	return r, nil
}
