package delverpc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds of what depends on Delve.
const (
	// AskEvery is how often a Delve that begins is asked, AnswerWithin how long one answer may
	// take. Asked just as it lets the program run, Delve answers when that stops again (1.27.2,
	// service/debugger, State): so it is asked again, over another connection.
	AskEvery     = 100 * time.Millisecond
	AnswerWithin = 2 * time.Second

	// serveWithin is how long a debugger may take until it answers: that of a large program
	// reads its symbols first.
	serveWithin = 2 * time.Minute

	// runWithin is how long the program may take to run then.
	runWithin = 10 * time.Second
)

// State is what Delve says of the program (github.com/go-delve/delve/service/api, DebuggerState).
type State struct {
	Running    bool
	Exited     bool     `json:"exited"`
	ExitStatus int      `json:"exitStatus"`
	Thread     *Thread  `json:"currentThread"`
	Threads    []Thread `json:"Threads"`

	// NextInProgress tells that a step was interrupted: its end is still waited for.
	NextInProgress bool
}

// nonBlocking asks for the state as it is: Delve waits for a stop otherwise.
var nonBlocking = map[string]bool{"NonBlocking": true}

// PC is where the program stands, 0 where it runs.
func (s State) PC() uint64 {
	if s.Running || s.Thread == nil {
		return 0
	}
	return s.Thread.PC
}

// errNothing says that nobody has answered yet.
var errNothing = errors.New("it did not answer")

// Stay connects with a Delve, and returns when the connection or the context ends.
func Stay(ctx context.Context, addr string) {
	c, err := Dial(ctx, "tcp", addr)
	if err != nil {
		return
	}
	defer c.Close()
	defer context.AfterFunc(ctx, c.Close)()
	// Delve knows by the first byte which protocol it is.
	for _, err = c.Send("State", nonBlocking); err == nil; {
		_, err = c.Receive()
	}
}

// Exited tells whether an error is what Delve says of a program that has exited, and its exit code.
func Exited(err error) (code int, ok bool) {
	var refused *RemoteError
	if !errors.As(err, &refused) {
		return 0, false
	}
	_, status, ok := strings.Cut(refused.Text, "has exited with status ")
	_, _ = fmt.Sscan(status, &code)
	return code, ok
}

// State is why the program has stopped, which is the answer to a command.
func (a Answer) State() (State, error) {
	var out struct{ State State }
	err := a.Read("Command", &out)
	if code, ok := Exited(err); ok {
		return State{Exited: true, ExitStatus: code}, nil
	}
	return out.State, err
}

// Now asks for the state of the program without waiting for a stop, at most within if that is not
// 0.
func (c *Client) Now(within time.Duration) (State, error) {
	var out struct{ State State }
	err := c.Call("State", nonBlocking, &out, within)
	return out.State, err
}

// AskState asks a Delve for the state of the program, over a connection of its own.
func AskState(ctx context.Context, addr string) (State, error) {
	c, err := Dial(ctx, "tcp", addr)
	if err != nil {
		return State{}, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, c.Close)()
	return c.Now(AnswerWithin)
}

// AwaitStop waits until the program has stopped, and returns at once where it stands.
func AwaitStop(ctx context.Context, addr string) (State, error) {
	c, err := Dial(ctx, "tcp", addr)
	if err != nil {
		return State{}, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, c.Close)()
	var out struct{ State State }
	err = c.Call("State", map[string]bool{"NonBlocking": false}, &out, 0)
	if code, ok := Exited(err); ok {
		return State{Exited: true, ExitStatus: code}, nil
	}
	return out.State, err
}

// Halt stops the program. It may fail where that just begins to run: try it again then.
func (c *Client) Halt() error {
	return c.Call("Command", map[string]string{"name": "halt"}, nil, AnswerWithin)
}

// Continue makes the program go on. The answer comes when it stops again.
func (c *Client) Continue() error {
	_, err := c.Send("Command", map[string]string{"name": "continue"})
	return err
}

// ownIDs are the breakpoints that Delve has set itself: for panics, fatal errors, and those that
// the program has (1.27.2, pkg/proc/breakpoints.go). A client may set others with negative ids.
var ownIDs = []int{-1, -2, -3}

// Breakpoints lists those that were set, without Delve's own.
func (c *Client) Breakpoints() ([]Breakpoint, error) {
	var out struct{ Breakpoints []Breakpoint }
	err := c.Call("ListBreakpoints", map[string]bool{"All": false}, &out, AnswerWithin)
	var list []Breakpoint
	for _, b := range out.Breakpoints {
		if !slices.Contains(ownIDs, b.ID) {
			list = append(list, b)
		}
	}
	return list, err
}

// AwaitServing waits until a Delve answers, and, where runs says that it lets the program run
// by itself, until the program does: Delve loses a request to halt, and one that sets
// breakpoints, that arrives while it begins to. After 10 seconds the state counts as it is.
func AwaitServing(ctx context.Context, addr string, runs bool) (State, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, serveWithin, fmt.Errorf("it does not answer at %s after %s", addr, serveWithin))
	defer cancel()
	ticker := time.NewTicker(AskEvery)
	defer ticker.Stop()
	var answered time.Time
	for last := errNothing; ; {
		now, err := AskState(ctx, addr)
		switch {
		case err == nil && (now.Running || now.Exited || !runs):
			return now, nil
		case err == nil && answered.IsZero():
			answered = time.Now()
		case err == nil && time.Since(answered) > runWithin:
			return now, nil
		case err != nil:
			last = err
		}
		select {
		case <-ctx.Done():
			return State{}, fmt.Errorf("waiting for the debugger: %w (%w)", context.Cause(ctx), last)
		case <-ticker.C:
		}
	}
}
