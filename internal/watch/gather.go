package watch

import (
	"context"
	"time"
)

const (
	// quietFor is how long nothing happens before what has happened counts as one change.
	quietFor = 100 * time.Millisecond

	// gatherWithin is how long changes are gathered that do not stop.
	gatherWithin = 3 * time.Second
)

// hint is a path at which something may have changed. written says that a file was written to.
// Without a path, anything may have changed.
type hint struct {
	path    string
	written bool
}

// batch are hints by their paths.
type batch map[string]bool

// gather hands hints that come close together to take, in one batch. It ends with the context,
// or with an error of take.
func gather(ctx context.Context, hints <-chan hint, take func(batch) error) error {
	var (
		b     batch
		since time.Time
		ripe  <-chan time.Time // nil while there is nothing to hand over
	)
	timer := time.NewTimer(quietFor)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case h := <-hints:
			if b == nil {
				b, since = batch{}, time.Now()
			}
			b[h.path] = b[h.path] || h.written
			timer.Reset(min(quietFor, gatherWithin-time.Since(since)))
			ripe = timer.C
		case <-ripe:
			if err := take(b); err != nil {
				return err
			}
			b, ripe = nil, nil
		}
	}
}
