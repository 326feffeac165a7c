package sidecar

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dlvgen/dlvgen/internal/delverpc"
)

// sayAfter is how long it may take to have the program go on until that is said.
const sayAfter = 20 * time.Second

// keep has the program go on wherever it stands while nobody debugs it: when the last client has
// left, with its breakpoints, and where Delve stops by itself, as at a panic.
func (g *guard) keep(delve *attachment) {
	debugging := delve.debugging
	select {
	case <-delve.serving:
	case <-debugging.Done():
	}
	for g.unattended(debugging) && g.lives() {
		if g.wasUsed() {
			g.release(debugging, "the last client has left: its breakpoints are removed, and the program goes on")
			continue
		}
		at, err := delverpc.AwaitStop(debugging, g.addr.String())
		switch {
		case at.Exited:
			return
		case err != nil || g.wasUsed():
			pause(debugging)
		default:
			g.release(debugging, fmt.Sprintf("the program stopped%s while nobody debugs it: it is continued", place(at)))
		}
	}
}

// unattended waits until nobody debugs the program. It is false when Delve does not either.
func (g *guard) unattended(debugging context.Context) bool {
	defer context.AfterFunc(debugging, func() {
		g.turn.Lock()
		defer g.turn.Unlock()
		g.left.Broadcast()
	})()
	g.turn.Lock()
	defer g.turn.Unlock()
	for g.debuggers > 0 && debugging.Err() == nil {
		g.left.Wait()
	}
	return debugging.Err() == nil
}

func (g *guard) wasUsed() bool {
	g.turn.Lock()
	defer g.turn.Unlock()
	return g.used
}

// release has the program go on, and says what is to be said of that. It tries until the program
// goes on, somebody debugs it, or Delve has let it go.
func (g *guard) release(debugging context.Context, said string) {
	late := time.Now().Add(sayAfter)
	for {
		done, err := g.tryRelease(debugging)
		switch {
		case done:
			g.say("%s", said)
			if err != nil {
				g.say("a breakpoint is left: %s", g.public(err.Error()))
			}
			return
		case debugging.Err() != nil || !g.lives():
			return
		case err == nil: // somebody debugs it
			return
		case time.Now().After(late):
			late = time.Now().Add(sayAfter)
			g.say("the program may stand still: %s; trying again", g.public(err.Error()))
		}
		pause(debugging)
	}
}

// tryRelease is one attempt, in which no client begins to debug. It is not done, without an error,
// where one has begun.
func (g *guard) tryRelease(debugging context.Context) (done bool, err error) {
	g.turn.Lock()
	defer g.turn.Unlock()
	if g.debuggers > 0 {
		return false, nil
	}
	none := func(delverpc.State) bool { return false }
	done, err = delverpc.TryRelease(debugging, g.addr.String(), anyBreakpoint, none)
	if done {
		g.used = false
	} else if err == nil {
		err = errors.New("it does not go on")
	}
	return done, err
}

// anyBreakpoint names all of them.
func anyBreakpoint(int) bool { return true }

// place is where the program has stopped, for a message.
func place(at delverpc.State) string {
	if at.Thread == nil || at.Thread.File == "" {
		return ""
	}
	text := fmt.Sprintf(" at %s:%d", at.Thread.File, at.Thread.Line)
	if b := at.Thread.Breakpoint; b != nil && b.Name != "" {
		text += " (" + b.Name + ")"
	}
	return text
}

func pause(debugging context.Context) {
	select {
	case <-debugging.Done():
	case <-time.After(delverpc.AskEvery):
	}
}
