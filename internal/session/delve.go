package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"time"
)

// Bounds of what depends on Delve.
const (
	// askEvery is how often a Delve that begins is asked, answerWithin how long one answer may
	// take. Asked just as it lets the program run, Delve answers when that stops again (1.27.2,
	// service/debugger, State): so it is asked again, over another connection.
	askEvery     = 100 * time.Millisecond
	answerWithin = 2 * time.Second

	// serveWithin is how long a debugger may take until it answers: that of a large program
	// reads its symbols first.
	serveWithin = 2 * time.Minute

	// runWithin is how long the program may take to run then.
	runWithin = 10 * time.Second

	// goOnWithin is how long it may take to make a program go on that a client left stopped.
	goOnWithin = 20 * time.Second
)

// state is what Delve says of the program (github.com/go-delve/delve/service/api, DebuggerState).
type state struct {
	Running bool
	Exited  bool `json:"exited"`
	Thread  *struct {
		PC uint64 `json:"pc"`
	} `json:"currentThread"`
}

// pc is where the program stands, 0 where it runs.
func (s state) pc() uint64 {
	if s.Running || s.Thread == nil {
		return 0
	}
	return s.Thread.PC
}

// delve is a connection to Delve's JSON-RPC.
type delve struct {
	conn   net.Conn
	client *rpc.Client
}

func dialDelve(ctx context.Context, addr string) (*delve, error) {
	conn, err := (&net.Dialer{Timeout: answerWithin}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &delve{conn, jsonrpc.NewClient(conn)}, nil
}

// call calls a method of Delve's RPCServer, and waits for the answer as long as within.
func (d *delve) call(method string, in, out any, within time.Duration) error {
	if err := d.conn.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	return d.client.Call("RPCServer."+method, in, out)
}

func (d *delve) close() { _ = d.client.Close() }

// stay connects with a Delve, and returns when the connection or the context ends.
func stay(ctx context.Context, addr string) {
	conn, err := (&net.Dialer{Timeout: answerWithin}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	// Delve knows by the first byte which protocol it is.
	const question = `{"method":"RPCServer.State","params":[{"NonBlocking":true}],"id":1}` + "\n"
	if _, err := io.WriteString(conn, question); err == nil {
		_, _ = io.Copy(io.Discard, conn)
	}
}

// leave has a Delve let the program go, and end. It is no error where the answer does not come.
func leave(ctx context.Context, addr string) error {
	now, err := askState(ctx, addr)
	if err != nil {
		return err
	}
	d, err := dialDelve(ctx, addr)
	if err != nil {
		return err
	}
	defer d.close()
	if now.Running {
		if err := d.call("Command", map[string]string{"name": "halt"}, nil, answerWithin); err != nil {
			return err
		}
	}
	_ = d.call("Detach", map[string]bool{"Kill": false}, nil, answerWithin)
	return nil
}

// askState asks a Delve for the state of the program, over a connection of its own.
func askState(ctx context.Context, addr string) (state, error) {
	d, err := dialDelve(ctx, addr)
	if err != nil {
		return state{}, err
	}
	defer d.close()
	var out struct{ State state }
	err = d.call("State", map[string]bool{"NonBlocking": true}, &out, answerWithin)
	return out.State, err
}

// awaitServing waits until a Delve answers, and, where runs says that it lets the program run
// by itself, until the program does: Delve loses a request to halt, and one that sets
// breakpoints, that arrives while it begins to. After runWithin the state counts as it is.
func awaitServing(ctx context.Context, addr string, runs bool) (state, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, serveWithin, fmt.Errorf("it does not answer at %s after %s", addr, serveWithin))
	defer cancel()
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	var answered time.Time
	for last := errNothing; ; {
		now, err := askState(ctx, addr)
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
			return state{}, fmt.Errorf("waiting for the debugger: %w (%w)", context.Cause(ctx), last)
		case <-ticker.C:
		}
	}
}

// breakpoint is one of Delve's (service/api, Breakpoint). Those of its own have ids below 1.
type breakpoint struct {
	ID int `json:"id"`
}

// stand is a Delve that was there before the session: how the program stood, and which
// breakpoints there were.
type stand struct {
	pc          uint64
	breakpoints map[int]bool // of a program that ran they are not known
}

// look notes how a Delve stands before clients come.
func look(ctx context.Context, addr string, now state) stand {
	s := stand{pc: now.pc(), breakpoints: map[int]bool{}}
	if now.Running {
		return s
	}
	d, err := dialDelve(ctx, addr)
	if err != nil {
		return s
	}
	defer d.close()
	list, _ := d.breakpoints() // what cannot be read is removed at the end
	for _, b := range list {
		s.breakpoints[b.ID] = true
	}
	return s
}

func (d *delve) breakpoints() ([]breakpoint, error) {
	var out struct{ Breakpoints []breakpoint }
	err := d.call("ListBreakpoints", map[string]bool{"All": false}, &out, answerWithin)
	return out.Breakpoints, err
}

// release makes a program go on that clients may have left at a breakpoint: it removes the
// breakpoints that were set since, and continues. A program that stands where it stood before is
// left there.
func (s stand) release(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, goOnWithin)
	defer cancel()
	for {
		done, err := s.tryRelease(ctx, addr)
		if done {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("the program may stand still: connect to %s and continue it", addr), err)
		case <-time.After(askEvery):
		}
	}
}

// tryRelease is one attempt, of which each answer may fail to come.
func (s stand) tryRelease(ctx context.Context, addr string) (done bool, err error) {
	now, err := askState(ctx, addr)
	switch {
	case err != nil:
		return false, err
	case now.Exited || now.pc() != 0 && now.pc() == s.pc:
		return true, nil
	}
	d, err := dialDelve(ctx, addr)
	if err != nil {
		return false, err
	}
	defer d.close()
	if now.Running {
		if err := d.call("Command", map[string]string{"name": "halt"}, nil, answerWithin); err != nil {
			return false, err
		}
	}
	list, err := d.breakpoints()
	if err != nil {
		return false, err
	}
	for _, b := range list {
		if b.ID > 0 && !s.breakpoints[b.ID] {
			if err := d.call("ClearBreakpoint", map[string]int{"Id": b.ID}, nil, answerWithin); err != nil {
				return false, err
			}
		}
	}
	// It answers when the program stops again.
	_ = d.client.Go("RPCServer.Command", map[string]string{"name": "continue"}, nil, make(chan *rpc.Call, 1))
	after, err := awaitServing(ctx, addr, true)
	return err == nil && (after.Running || after.Exited), err
}
