package testenv

import (
	"context"
	"errors"
	"time"
)

// again tries until it succeeds or ctx ends; the error is then the last try's
// with ctx's.
func again[T any](ctx context.Context, try func(context.Context) (T, error)) (T, error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		value, err := try(ctx)
		if err == nil {
			return value, nil
		}
		select {
		case <-ctx.Done():
			return value, errors.Join(err, ctx.Err())
		case <-tick.C:
		}
	}
}
