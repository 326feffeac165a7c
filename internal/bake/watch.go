package bake

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/dlvgen/dlvgen/internal/patience"
)

// watch asks a node while builds run on it whether it is still there. Where one has stopped
// and keeps its connections, BuildKit's client waits for minutes, and does not end when it is
// interrupted: so the watch ends the connections, and with them the builds.
type watch struct {
	node  *node
	every time.Duration // from an answer to the next question, and what an interrupted build has
	tries int           // the last time: dlvgen itself may have been stopped during a question
	waits *patience.Patience

	builds  context.Context // until they are told to end
	ended   context.Context // until they have ended
	running sync.WaitGroup
	silent  error // why the connections were ended
}

// watch begins to ask. builds ends when the builds are told to end; stop is to be called when
// they have, and returns why the watch has ended them, nil where it has not.
func (n *node) watch(builds context.Context) (stop func() error) {
	const every, tries = 5 * time.Second, 2
	return n.watchBy(builds, &watch{
		every: every, tries: tries, waits: &patience.Patience{Limit: patience.DefaultLimit / tries, Notice: every, Tell: n.waits.Tell},
	})
}

func (n *node) watchBy(builds context.Context, w *watch) (stop func() error) {
	var end context.CancelFunc
	w.node, w.builds = n, builds
	w.ended, end = context.WithCancel(context.WithoutCancel(builds))
	w.running.Go(func() {
		if err := w.run(); err != nil {
			w.silent = &lostError{who: n.Who, platforms: n.platforms(), cause: err}
			_ = n.Client.Close()
		}
	})
	return func() error {
		end()
		w.running.Wait()
		return w.silent
	}
}

// run returns when the builds have ended, or with an error when the node does not answer.
func (w *watch) run() error {
	for vain := 0; vain < w.tries; {
		if vain == 0 {
			select {
			case <-w.ended.Done():
				return nil
			case <-w.builds.Done():
			case <-time.After(w.every):
			}
		}
		if w.builds.Err() != nil {
			return w.interrupted()
		}
		asked, cancel := context.WithCancel(w.ended)
		stop := context.AfterFunc(w.builds, cancel)
		err := w.waits.Ask(asked, w.node.Who, w.node.answers)
		stop()
		cancel()
		var silent *patience.SilentError
		switch {
		case errors.As(err, &silent):
			vain++
		default: // an answer, or an error that the builds have too
			vain = 0
		}
	}
	return &patience.SilentError{Who: w.node.Who, After: time.Duration(w.tries) * w.waits.Limit}
}

// interrupted has less patience: a node that answers ends its builds by itself.
func (w *watch) interrupted() error {
	waits := &patience.Patience{Limit: w.every}
	for {
		select {
		case <-w.ended.Done():
			return nil
		case <-time.After(w.every):
		}
		err := waits.Ask(w.ended, w.node.Who, w.node.answers)
		var silent *patience.SilentError
		if errors.As(err, &silent) {
			return err
		}
	}
}

// answers asks the node.
func (n *node) answers(ctx context.Context) error {
	_, err := n.ListWorkers(ctx)
	return err
}
