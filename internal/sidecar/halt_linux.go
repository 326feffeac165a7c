package sidecar

import (
	"context"
	"io"
	"time"

	"github.com/dlvgen/dlvgen/internal/delverpc"
)

// Delve halts a program by SIGTRAP, also where it stands or has just stopped (1.27.2,
// pkg/proc/native, requestManualStop). Then the signal waits until the program goes on, and where
// that is without a debugger, it ends the program. So requests to halt and to detach are passed on
// one at a time: a halt only where the program runs, a detach only where no such signal waits.

// Bounds of what depends on Delve.
const (
	haltWithin   = 2 * time.Second
	settleWithin = 2 * time.Second
	lookEvery    = 5 * time.Millisecond
)

// halt passes on a request to halt, and returns when the program stands.
func (g *guard) halt(delve io.Writer, r request) error {
	g.halting.Lock()
	defer g.halting.Unlock()
	debugging, _ := g.current()
	if debugging.Err() != nil {
		return debugging.Err()
	}
	if g.stands(debugging) {
		_, err := delve.Write(r.standing)
		return err
	}
	if _, err := delve.Write(r.text); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(debugging, haltWithin)
	defer cancel()
	for !g.stands(ctx) && ctx.Err() == nil {
		time.Sleep(lookEvery)
	}
	return nil
}

// detach passes on a request to detach, and returns when Delve has ended.
func (g *guard) detach(delve io.Writer, r request) error {
	g.halting.Lock()
	defer g.halting.Unlock()
	g.tellsToLeave()
	debugging, _ := g.current()
	g.settle(debugging)
	if _, err := delve.Write(r.text); err != nil {
		return err
	}
	select {
	case <-debugging.Done():
	case <-time.After(closeWithin):
	}
	return nil
}

// giveUp has this process tell Delve to give the program up, by tell.
func (g *guard) giveUp(tell func()) {
	g.halting.Lock()
	defer g.halting.Unlock()
	_, serving := g.current()
	select {
	case <-serving:
		g.settle(context.Background())
	default: // before, it does not answer
	}
	tell()
}

// settle has the program stand, with no signal to halt that waits for it.
func (g *guard) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	for ctx.Err() == nil && g.lives() {
		c, _, err := delverpc.Stopped(ctx, g.addr.String())
		if c == nil || err != nil {
			return
		}
		waits := g.trapWaits()
		if waits {
			_ = c.Continue()
		}
		for g.trapWaits() && ctx.Err() == nil {
			time.Sleep(lookEvery)
		}
		c.Close()
		if !waits {
			return
		}
	}
}

// stands tells whether Delve holds the program.
func (g *guard) stands(ctx context.Context) bool {
	now, err := delverpc.AskState(ctx, g.addr.String())
	return err == nil && !now.Running
}
