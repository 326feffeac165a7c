package sidecar

import (
	"context"
	"time"

	"github.com/dlvgen/dlvgen/internal/delverpc"
	"github.com/dlvgen/dlvgen/internal/procfs"
)

// askEvery is how often a Delve that begins is asked, answerWithin how long it may
// take to answer.
const (
	askEvery     = 100 * time.Millisecond
	answerWithin = 5 * time.Second
)

// awaitServing returns a channel that is closed when the Delve that listens at a has
// attached and let the program run. It asks no more once gone is closed.
func awaitServing(a procfs.Address, gone <-chan struct{}) <-chan struct{} {
	serving := make(chan struct{})
	go func() {
		ticker := time.NewTicker(askEvery)
		defer ticker.Stop()
		for !programRuns(a) {
			select {
			case <-gone:
				return
			case <-ticker.C:
			}
		}
		close(serving)
	}()
	return serving
}

// programRuns asks Delve by its JSON-RPC whether the program runs.
func programRuns(a procfs.Address) bool {
	c, err := delverpc.Dial(context.Background(), a.Network, a.Dial...)
	if err != nil {
		return false
	}
	defer c.Close()
	now, err := c.Now(answerWithin)
	return err == nil && now.Running
}
