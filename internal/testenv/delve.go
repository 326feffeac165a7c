package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-delve/delve/service/api"
	"github.com/go-delve/delve/service/rpc2"
)

// Delve is a JSON-RPC client of a headless Delve.
type Delve struct {
	*rpc2.RPCClient
}

// loadAll is how much of a variable is read.
var loadAll = api.LoadConfig{FollowPointers: true, MaxVariableRecurse: 1, MaxStringLen: 64, MaxArrayValues: 64, MaxStructFields: -1}

// ConnectDelve connects to "127.0.0.1:8000", again and again until Delve answers
// or ctx ends, and with it the connection: no call waits longer. Close ends the
// connection too, and both leave the program as it is.
func ConnectDelve(ctx context.Context, addr string) (*Delve, error) {
	d, err := again(ctx, func(ctx context.Context) (*Delve, error) { return dialDelve(ctx, addr) })
	if err != nil {
		return nil, fmt.Errorf("connecting to Delve at %s: %w", addr, err)
	}
	return d, nil
}

// dialDelve asks for the state too: a port that Docker published accepts
// connections before anybody listens behind it.
func dialDelve(ctx context.Context, addr string) (*Delve, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	// Asked just as it lets a program run, Delve answers when that stops again: the
	// question waits for the lock that running holds (service/debugger, State, v1.27.2).
	if err := conn.SetDeadline(time.Now().Add(askWithin)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	client := rpc2.NewClientFromConn(conn)
	if _, err := client.GetStateNonBlocking(); err != nil {
		stop()
		return nil, errors.Join(err, conn.Close())
	}
	return &Delve{RPCClient: client}, conn.SetDeadline(time.Time{})
}

// askWithin bounds the first question to Delve, which is then asked again.
const askWithin = 3 * time.Second

// Close disconnects. The program stays as it is, stopped or running.
func (d *Delve) Close() error { return d.Disconnect(false) }

// HitFunction sets a breakpoint at a function, "main.handler", continues, calls
// trigger beside it, and returns the state at the stop. trigger usually blocks
// until the program is continued: its context ends with ctx, its error is
// returned where no stop came, and dropped otherwise.
func (d *Delve) HitFunction(ctx context.Context, function string, trigger func(context.Context) error) (*api.DebuggerState, error) {
	if _, err := d.CreateBreakpoint(&api.Breakpoint{FunctionName: function, Line: -1}); err != nil {
		return nil, fmt.Errorf("setting a breakpoint at %s: %w", function, err)
	}
	triggered := make(chan error, 1)
	stopped := d.Continue()
	go func() { triggered <- trigger(ctx) }()
	var cause error
	for {
		select {
		case state := <-stopped:
			if state.Err != nil {
				return nil, fmt.Errorf("continuing to %s: %w", function, state.Err)
			}
			if state.CurrentThread == nil || state.CurrentThread.Breakpoint == nil {
				return state, fmt.Errorf("continuing to %s: stopped elsewhere", function)
			}
			return state, nil
		case cause = <-triggered:
			if cause != nil {
				return nil, fmt.Errorf("triggering %s: %w", function, cause)
			}
			triggered = nil // answered without a stop yet; the deadline decides
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the breakpoint at %s: %w", function, ctx.Err())
		}
	}
}

// Variables reads the locals and arguments of the innermost frame of the current
// goroutine, as Delve prints them on one line: {"name": `"world"`}.
func (d *Delve) Variables() (map[string]string, error) {
	scope := api.EvalScope{GoroutineID: -1}
	locals, err := d.ListLocalVariables(scope, loadAll)
	if err != nil {
		return nil, fmt.Errorf("reading locals: %w", err)
	}
	args, err := d.ListFunctionArgs(scope, loadAll)
	if err != nil {
		return nil, fmt.Errorf("reading arguments: %w", err)
	}
	values := map[string]string{}
	for _, v := range append(locals, args...) {
		values[v.Name] = v.SinglelineString()
	}
	return values, nil
}

// Stack is the stack of the current goroutine, the innermost frame first.
func (d *Delve) Stack() ([]api.Stackframe, error) {
	frames, err := d.Stacktrace(-1, 50, 0, 0, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the stack: %w", err)
	}
	return frames, nil
}

// Step executes to the next line of the current function.
func (d *Delve) Step() (*api.DebuggerState, error) {
	state, err := d.Next()
	if err != nil {
		return nil, fmt.Errorf("stepping: %w", err)
	}
	return state, nil
}
