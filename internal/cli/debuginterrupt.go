package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// interruption is how a session takes signals: the first ends it, the third leaves it as it
// is. At a prompt Ctrl-C is the prompt's.
type interruption struct {
	ctx   context.Context
	leave chan struct{}
	stop  func()

	prompting atomic.Bool
}

// signalError says which signal ended a session. It is a cancellation.
type signalError struct{ os.Signal }

func (e signalError) Error() string { return "ended by the signal " + e.String() }
func (signalError) Unwrap() error   { return context.Canceled }

// interrupts ends its context when ctx ends, but not at a prompt, and by signals.
func interrupts(ctx context.Context, tell func(string)) *interruption {
	i := &interruption{leave: make(chan struct{})}
	var cancel context.CancelCauseFunc
	i.ctx, cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	unwatch := context.AfterFunc(ctx, func() {
		if !i.prompting.Load() {
			cancel(context.Canceled)
		}
	})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for count := 0; ; {
			select {
			case <-done:
				return
			case sig := <-signals:
				if sig == os.Interrupt && i.prompting.Load() {
					continue
				}
				switch count++; count {
				case 1:
					cancel(signalError{sig})
				case 2:
					tell(fmt.Sprintf("the session is ending: once more (%s) leaves the debugger as it is", sig))
				case 3:
					close(i.leave)
				}
			}
		}
	}()
	i.stop = func() {
		unwatch()
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
	return i
}
