package launch

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"
)

// answerWithin bounds the wait for an answer that does not depend on the
// program. Delve accepts connections once it has read the debug information,
// which takes seconds for a large program.
const answerWithin = 5 * time.Second

// Names of the breakpoints that Delve sets by itself where the runtime ends a
// program (github.com/go-delve/delve/pkg/proc, UnrecoveredPanic and FatalThrow).
const (
	unrecoveredPanic = "unrecovered-panic"
	fatalThrow       = "runtime-fatal-throw"
)

// session is a connection to Delve's JSON-RPC: JSON-RPC 1.0 as net/rpc/jsonrpc
// speaks it, one call at a time. (net/rpc itself brings an HTTP server along.)
type session struct {
	conn    net.Conn
	decoder *json.Decoder
	last    int
}

// state is how Delve sees the program.
type state struct {
	running, exited, dying bool

	// pid is the program's; status its exit status if it has exited, negative
	// for a signal.
	pid, status int
}

// debuggerState is the part of Delve's api.DebuggerState that init reads.
type debuggerState struct {
	Pid           int
	Running       bool
	Recording     bool
	CoreDumping   bool
	Exited        bool `json:"exited"`
	ExitStatus    int  `json:"exitStatus"`
	CurrentThread *struct {
		Breakpoint *struct {
			Name string `json:"name"`
		} `json:"breakPoint"`
	} `json:"currentThread"`
}

func (s debuggerState) state() state {
	out := state{
		running: s.Running || s.Recording || s.CoreDumping,
		exited:  s.Exited, pid: s.Pid, status: s.ExitStatus,
	}
	if s.CurrentThread != nil && s.CurrentThread.Breakpoint != nil {
		name := s.CurrentThread.Breakpoint.Name
		out.dying = name == unrecoveredPanic || name == fatalThrow
	}
	return out
}

// dial connects to Delve at a.
func dial(a address) (*session, error) {
	var errs []error
	for _, target := range a.dial {
		conn, err := net.DialTimeout(a.network, target, answerWithin)
		if err == nil {
			return &session{conn: conn, decoder: json.NewDecoder(conn)}, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("connecting to Delve: %w", errors.Join(errs...))
}

func (s *session) close() { _ = s.conn.Close() }

// call calls a method of Delve's RPCServer and waits for the answer, at most
// within if that is not zero. An error of Delve's own is a *remoteError.
func (s *session) call(method string, in, out any, within time.Duration) error {
	var deadline time.Time
	if within > 0 {
		deadline = time.Now().Add(within)
	}
	if err := s.conn.SetDeadline(deadline); err != nil {
		return fmt.Errorf("calling Delve's %s: %w", method, err)
	}
	s.last++
	request := map[string]any{"method": "RPCServer." + method, "params": []any{in}, "id": s.last}
	if err := json.NewEncoder(s.conn).Encode(request); err != nil {
		return fmt.Errorf("calling Delve's %s: %w", method, err)
	}
	var response struct {
		Result json.RawMessage `json:"result"`
		Error  any             `json:"error"`
	}
	if err := s.decoder.Decode(&response); err != nil {
		return fmt.Errorf("calling Delve's %s: %w", method, err)
	}
	if response.Error != nil {
		return &remoteError{method, fmt.Sprint(response.Error)}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(response.Result, out); err != nil {
		return fmt.Errorf("reading Delve's answer to %s: %w", method, err)
	}
	return nil
}

// remoteError is an error that Delve answered with.
type remoteError struct{ method, text string }

func (e *remoteError) Error() string { return "Delve's " + e.method + ": " + e.text }

// exitText is how Delve words that the program has exited
// (github.com/go-delve/delve/pkg/proc, ErrProcessExited).
const exitText = "Process %d has exited with status %d"

// state asks how the program is, without waiting for it to stop.
func (s *session) state() (state, error) {
	var out struct{ State debuggerState }
	err := s.call("State", map[string]bool{"NonBlocking": true}, &out, answerWithin)
	var remote *remoteError
	if errors.As(err, &remote) {
		// Delve has no other answer for a program that has exited.
		ended := state{exited: true}
		if _, scanErr := fmt.Sscanf(remote.text, exitText, &ended.pid, &ended.status); scanErr == nil {
			return ended, nil
		}
	}
	return out.State.state(), err
}

// resume lets the program run until it stops again, which may be never.
func (s *session) resume() (state, error) {
	var out struct{ State debuggerState }
	err := s.call("Command", map[string]string{"name": "continue"}, &out, 0)
	return out.State.state(), err
}

// release lets a held program run to its end with nothing in its way: a step in
// progress is cancelled, breakpoints are cleared. It returns at once if the
// program is running already, else when it has exited.
//
// Delve's Detach would be the short way, but it kills a program that Delve
// itself has started, whatever its argument (service/debugger, detach).
func (s *session) release() (state, error) {
	for {
		now, err := s.state()
		if err != nil || now.running || now.exited {
			return now, err
		}
		if err := s.clearBreakpoints(); err != nil {
			return now, err
		}
		if now, err = s.resume(); now.exited {
			return now, nil
		}
		var remote *remoteError
		if err != nil && !errors.As(err, &remote) {
			return now, err
		}
		// A breakpoint in the program's own text, or a client's halt.
		time.Sleep(10 * time.Millisecond)
	}
}

func (s *session) clearBreakpoints() error {
	if err := s.call("CancelNext", struct{}{}, nil, answerWithin); err != nil && !isRemote(err) {
		return err
	}
	var list struct {
		Breakpoints []struct {
			ID int `json:"id"`
		}
	}
	if err := s.call("ListBreakpoints", map[string]bool{"All": false}, &list, answerWithin); err != nil {
		return err
	}
	for _, b := range list.Breakpoints {
		// One that a client has cleared in between is no error.
		err := s.call("ClearBreakpoint", map[string]int{"Id": b.ID}, nil, answerWithin)
		if err != nil && !isRemote(err) {
			return err
		}
	}
	return nil
}

func isRemote(err error) bool {
	var remote *remoteError
	return errors.As(err, &remote)
}
