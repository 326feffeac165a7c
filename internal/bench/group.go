package bench

import (
	"context"
	"time"
)

// group are rows whose ways are measured in turns, so that what else the machine does
// meets all of them.
type group struct {
	name  string // what -rows selects by
	title string
	set   func(context.Context, *lab) (*bed, error)
	ways  []way
	rows  []row

	// explained are variants of which an edit is taken apart, step by step.
	explained []string
}

// way is one way from a change to its result.
type way struct {
	name, label string

	// rounds is the most that are taken; 0 is as many as were asked for. A way with
	// rounds of its own is not warmed up either: what it builds is cold each time.
	rounds int

	run func(context.Context, *bed) (sample, error)
}

// sample is what one run gave. Most ways fill took and sent alone.
type sample struct {
	took      time.Duration
	processor time.Duration // of the builder
	step      time.Duration // of the compile's step
	then      time.Duration // after an edit that followed
	sent      int64         // bytes of blobs
	thenSent  int64
	memory    int64 // peak, in bytes
	ops       int
}

// figure is what a row takes of samples.
type figure struct {
	unit unit
	of   func(sample) float64
}

// The figures.
var (
	took      = figure{seconds, func(s sample) float64 { return s.took.Seconds() }}
	processor = figure{seconds, func(s sample) float64 { return s.processor.Seconds() }}
	step      = figure{seconds, func(s sample) float64 { return s.step.Seconds() }}
	then      = figure{seconds, func(s sample) float64 { return s.then.Seconds() }}
	perOp     = figure{seconds, func(s sample) float64 { return s.took.Seconds() / float64(s.ops) }}
	sent      = figure{megabytes, func(s sample) float64 { return float64(s.sent) }}
	thenSent  = figure{megabytes, func(s sample) float64 { return float64(s.thenSent) }}
	memory    = figure{mebibytes, func(s sample) float64 { return float64(s.memory) }}
)

// row compares a figure of one way with that of another.
type row struct {
	what    string
	way     string
	figure  figure
	against string // a way, "" where there is nothing to compare with
	reach   reach
	readme  bool // is in the README's table too
}

// reach is what a row is to reach. At most one field is set.
type reach struct {
	ratio float64 // to what it is compared with
	plus  float64 // more than what it is compared with, in the figure's unit
	most  float64 // in the figure's unit
}

// way finds a way by its name.
func (g group) way(name string) (way, bool) {
	for _, w := range g.ways {
		if w.name == name {
			return w, true
		}
	}
	return way{}, false
}
