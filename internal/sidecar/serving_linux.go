package sidecar

import (
	"context"

	"github.com/dlvgen/dlvgen/internal/delverpc"
)

// awaitServing returns a channel that is closed when the Delve that listens at addr has attached
// and let the program run, or will not. It asks no more once ctx is done.
func awaitServing(ctx context.Context, addr string) <-chan struct{} {
	serving := make(chan struct{})
	go func() {
		for ctx.Err() == nil {
			if _, err := delverpc.AwaitServing(ctx, addr, true); err == nil {
				close(serving)
				return
			}
		}
	}()
	return serving
}
