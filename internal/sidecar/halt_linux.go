package sidecar

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/dlvgen/dlvgen/internal/delverpc"
)

// Delve halts a program by SIGTRAP, also where it stands or has just stopped (1.27.2,
// pkg/proc/native, requestManualStop). Then the signal waits until the program goes on, and where
// that is without a debugger, it ends the program. So a request to halt is passed on where the
// program runs, and Delve is told to let the program go when that stands, without breakpoints to
// stop at and with no such signal that waits, and nobody else can have it go on.

// Bounds of what depends on Delve.
const (
	// haltWithin is how long the program may take to stand, after which other halts are passed on.
	haltWithin = 2 * time.Second

	// settleWithin is how long it may take until Delve can be told to let it go.
	settleWithin = 2 * time.Second

	// resumesWithin is how long Delve may take until a program that is to go on runs.
	resumesWithin = 100 * time.Millisecond

	// lookEvery is how often to look.
	lookEvery = 5 * time.Millisecond
)

// errNotSettled is why a client's Detach is not passed on.
var errNotSettled = errors.New("the program could not be stopped to let it go: the debugger stays, without the client that asked for it")

// halt passes on a request to halt, and waits until the program stands.
func (g *guard) halt(delve *connection, r request) error {
	d := delve.to
	d.halting.Lock()
	defer d.halting.Unlock()
	if g.stands(d.debugging, d) {
		return delve.write(r.standing)
	}
	if err := d.debugging.Err(); err != nil {
		return err
	}
	if err := delve.write(r.text); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(d.debugging, haltWithin)
	defer cancel()
	for !g.stands(ctx, d) && ctx.Err() == nil {
		time.Sleep(lookEvery)
	}
	return nil
}

// detach passes on a client's request to detach, and waits until Delve has ended.
func (g *guard) detach(delve *connection, r request) error {
	d := delve.to
	d.halting.Lock()
	defer d.halting.Unlock()
	d.tell(true)
	if !g.settle(d.debugging, d, delve.TCPConn) {
		if d.debugging.Err() == nil {
			d.tell(false)
			g.say("%v", errNotSettled)
		}
		return errNotSettled
	}
	if err := delve.write(r.text); err != nil {
		return err
	}
	select {
	case <-d.life.Done():
	case <-time.After(closeWithin):
	}
	return nil
}

// leaves notes that this process tells Delve to give the program up, and returns when nothing has
// the program go on any more: Delve would wait for its next stop.
func (g *guard) leaves(d *attachment) {
	d.tell(true)
	d.givesUp()
	d.cut(nil)
	g.turn.Lock() // when an attempt under way has ended
	g.left.Broadcast()
	g.turn.Unlock()
}

// giveUp has this process tell Delve to give the program up, by tell.
func (g *guard) giveUp(d *attachment, tell func()) {
	d.halting.Lock()
	defer d.halting.Unlock()
	if d.serves() { // before, it does not answer
		g.settle(d.life, d, nil)
	}
	tell()
}

// settle has Delve ready to let the program go. It cuts off all clients but one, which would have
// the program go on, and tells whether Delve is ready.
func (g *guard) settle(ctx context.Context, d *attachment, but *net.TCPConn) bool {
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	for d.cut(but); ctx.Err() == nil; time.Sleep(lookEvery) {
		if g.settled(ctx) {
			return true
		}
	}
	return false
}

// settled is one attempt.
func (g *guard) settled(ctx context.Context) bool {
	c, before, err := delverpc.Stopped(ctx, g.addr.String())
	if err != nil {
		return false
	}
	if before.Exited {
		return true
	}
	defer c.Close()
	defer context.AfterFunc(ctx, c.Close)()
	if _, err := c.Clear(anyBreakpoint); err != nil {
		return false
	}
	if !g.trapWaits() {
		return true
	}
	if err := c.Continue(); err != nil {
		return false
	}
	for g.trapWaits() && ctx.Err() == nil {
		time.Sleep(lookEvery)
	}
	return false
}

// stands tells whether Delve holds the program, or has seen it exit. It asks until Delve says so:
// a Delve that is busy does not answer, and one that has just been asked to have the program go on
// may answer before it does.
func (g *guard) stands(ctx context.Context, d *attachment) bool {
	for ; ctx.Err() == nil; time.Sleep(lookEvery) {
		now, err := delverpc.AskState(ctx, g.addr.String())
		if _, exited := delverpc.Exited(err); exited {
			return true
		}
		if err == nil && (now.Running || d.sincePassed() > resumesWithin) {
			return !now.Running
		}
	}
	return false
}
