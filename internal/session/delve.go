package session

import (
	"context"

	"github.com/dlvgen/dlvgen/internal/delverpc"
)

// leave has a Delve let the program go, and end. It is no error where the answer does not come.
func leave(ctx context.Context, addr string) error {
	now, err := delverpc.AskState(ctx, addr)
	if err != nil {
		return err
	}
	d, err := delverpc.Dial(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer d.Close()
	if now.Running {
		if err := d.Halt(); err != nil {
			return err
		}
	}
	_ = d.Call("Detach", map[string]bool{"Kill": false}, nil, delverpc.AnswerWithin)
	return nil
}

// stand is a Delve that was there before the session: how the program stood, and which
// breakpoints there were.
type stand struct {
	pc          uint64
	breakpoints map[int]bool // of a program that ran they are not known
}

// look notes how a Delve stands before clients come.
func look(ctx context.Context, addr string, now delverpc.State) stand {
	s := stand{pc: now.PC(), breakpoints: map[int]bool{}}
	if now.Running {
		return s
	}
	d, err := delverpc.Dial(ctx, "tcp", addr)
	if err != nil {
		return s
	}
	defer d.Close()
	list, _ := d.Breakpoints() // what cannot be read is removed at the end
	for _, b := range list {
		s.breakpoints[b.ID] = true
	}
	return s
}

// release makes a program go on that clients may have left at a breakpoint: it removes the
// breakpoints that were set since, and continues. A program that stands where it stood before is
// left there.
func (s stand) release(ctx context.Context, addr string) error {
	return delverpc.Release(ctx, addr,
		func(id int) bool { return !s.breakpoints[id] },
		func(now delverpc.State) bool { return now.PC() != 0 && now.PC() == s.pc })
}
