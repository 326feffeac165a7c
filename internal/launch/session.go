package launch

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/dlvgen/dlvgen/internal/procfs"
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

// dial connects to Delve at a.
func dial(a procfs.Address) (*session, error) {
	var errs []error
	for _, target := range a.Dial {
		conn, err := net.DialTimeout(a.Network, target, answerWithin)
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

// dying asks whether the program is held where the runtime ends it. It does not
// wait for the program to stop; within bounds the wait for Delve itself, 0 is no bound.
func (s *session) dying(within time.Duration) (bool, error) {
	var out struct {
		State struct {
			CurrentThread *struct {
				Breakpoint *struct {
					Name string `json:"name"`
				} `json:"breakPoint"`
			} `json:"currentThread"`
		}
	}
	err := s.call("State", map[string]bool{"NonBlocking": true}, &out, within)
	thread := out.State.CurrentThread
	if err != nil || thread == nil || thread.Breakpoint == nil {
		return false, err
	}
	name := thread.Breakpoint.Name
	return name == unrecoveredPanic || name == fatalThrow, nil
}
