package delverpc

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// releaseWithin is how long it may take to make a program go on.
const releaseWithin = 20 * time.Second

// Stopped connects with a Delve and stops the program, where that runs. It says how the program was.
func Stopped(ctx context.Context, addr string) (c *Client, before State, err error) {
	ctx, cancel := context.WithTimeout(ctx, releaseWithin)
	defer cancel()
	for {
		if before, err = AskState(ctx, addr); err == nil && !before.Exited {
			c, err = before.stop(ctx, addr)
		}
		if code, ok := Exited(err); ok {
			return nil, State{Exited: true, ExitStatus: code}, nil
		}
		if err == nil || ctx.Err() != nil {
			return c, before, err
		}
		select {
		case <-ctx.Done():
			return nil, before, err
		case <-time.After(AskEvery):
		}
	}
}

// stop connects with a Delve whose program was in the state, and stops that.
func (s State) stop(ctx context.Context, addr string) (*Client, error) {
	c, err := Dial(ctx, "tcp", addr)
	if err != nil || !s.Running {
		return c, err
	}
	defer context.AfterFunc(ctx, c.Close)()
	if err := c.Halt(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Release makes a program go on that clients may have left at a breakpoint: it removes the
// breakpoints with the ids that remove names, and continues. One whose state leave names is left as
// it is.
func Release(ctx context.Context, addr string, remove func(id int) bool, leave func(State) bool) error {
	ctx, cancel := context.WithTimeout(ctx, releaseWithin)
	defer cancel()
	for {
		done, err := TryRelease(ctx, addr, remove, leave)
		if done {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("the program may stand still: connect to %s and continue it", addr), err)
		case <-time.After(AskEvery):
		}
	}
}

// TryRelease is one attempt of [Release], of which each answer may fail to come. It is done when the
// program goes on or has exited, also where Delve does not remove a breakpoint, which is the error then.
func TryRelease(ctx context.Context, addr string, remove func(id int) bool, leave func(State) bool) (done bool, err error) {
	now, err := AskState(ctx, addr)
	if _, ok := Exited(err); ok {
		return true, nil
	}
	switch {
	case err != nil:
		return false, err
	case now.Exited || leave(now):
		return true, nil
	}
	c, err := now.stop(ctx, addr)
	if err != nil {
		return false, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, c.Close)()
	refused, err := c.Clear(remove)
	if err != nil {
		return false, err
	}
	if err := c.cancelNext(); err != nil {
		return false, err
	}
	if err := c.Continue(); err != nil {
		return false, err
	}
	// Delve reads this request when the program runs: one to halt it that came before would be lost.
	now, err = c.Now(AnswerWithin)
	if _, ok := Exited(err); ok {
		return true, refused
	}
	if err != nil || !now.Running {
		return false, err
	}
	return true, refused
}

// Clear removes the breakpoints that remove names, of a program that stands. refused is why some
// are left.
func (c *Client) Clear(remove func(id int) bool) (refused, err error) {
	list, err := c.Breakpoints()
	if err != nil {
		return nil, err
	}
	var ids []any
	for _, b := range list {
		if remove(b.ID) {
			ids = append(ids, map[string]int{"Id": b.ID})
		}
	}
	answers, err := c.Each("ClearBreakpoint", ids, AnswerWithin)
	for _, a := range answers {
		refused = errors.Join(refused, a.Read("ClearBreakpoint", nil))
	}
	return refused, err
}

// cancelNext gives up a step that something has interrupted: the program would stop at its end.
func (c *Client) cancelNext() error {
	now, err := c.Now(AnswerWithin)
	if _, ok := Exited(err); ok || err == nil && !now.NextInProgress {
		return nil
	}
	if err != nil {
		return err
	}
	return c.Call("CancelNext", struct{}{}, nil, AnswerWithin)
}
