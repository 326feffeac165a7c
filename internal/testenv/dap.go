package testenv

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/google/go-dap"
)

// DAP is a client of a headless Delve in the Debug Adapter Protocol, as editors
// speak it.
type DAP struct {
	conn   net.Conn
	events chan dap.EventMessage

	mu      sync.Mutex
	seq     int
	waiting map[int]chan dap.ResponseMessage
	readErr error
	ended   chan struct{} // closed when the connection has ended
}

// eventBacklog is how many events may wait for their reader; more are dropped.
const eventBacklog = 256

// ConnectDAP connects to "127.0.0.1:8000" and initializes a session, again and
// again until Delve answers or ctx ends.
func ConnectDAP(ctx context.Context, addr string) (*DAP, error) {
	d, err := again(ctx, func(ctx context.Context) (*DAP, error) { return dialDAP(ctx, addr) })
	if err != nil {
		return nil, fmt.Errorf("connecting to Delve at %s: %w", addr, err)
	}
	return d, nil
}

func dialDAP(ctx context.Context, addr string) (*DAP, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	d := &DAP{conn: conn, events: make(chan dap.EventMessage, eventBacklog), waiting: map[int]chan dap.ResponseMessage{}, ended: make(chan struct{})}
	go d.read()
	_, err = d.request(ctx, &dap.InitializeRequest{
		Request: request("initialize"),
		Arguments: dap.InitializeRequestArguments{
			AdapterID: "go", ClientID: "testenv", PathFormat: "path", LinesStartAt1: true, ColumnsStartAt1: true, SupportsVariableType: true,
		},
	})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return d, nil
}

// read hands responses to those who wait and keeps events until the connection ends.
func (d *DAP) read() {
	defer close(d.ended)
	defer close(d.events)
	in := bufio.NewReader(d.conn)
	for {
		message, err := dap.ReadProtocolMessage(in)
		if err != nil {
			d.mu.Lock()
			d.readErr = err
			d.mu.Unlock()
			return
		}
		switch m := message.(type) {
		case dap.ResponseMessage:
			d.mu.Lock()
			answer := d.waiting[m.GetResponse().RequestSeq]
			delete(d.waiting, m.GetResponse().RequestSeq)
			d.mu.Unlock()
			if answer != nil {
				answer <- m
			}
		case dap.EventMessage:
			select {
			case d.events <- m:
			default:
			}
		}
	}
}

func request(command string) dap.Request {
	return dap.Request{ProtocolMessage: dap.ProtocolMessage{Type: "request"}, Command: command}
}

// send numbers and writes a request; its response arrives on the channel.
func (d *DAP) send(m dap.RequestMessage) (<-chan dap.ResponseMessage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seq++
	m.GetRequest().Seq = d.seq
	answer := make(chan dap.ResponseMessage, 1)
	d.waiting[d.seq] = answer
	return answer, dap.WriteProtocolMessage(d.conn, m)
}

// request sends a request and waits for its response. A refusal is an error.
func (d *DAP) request(ctx context.Context, m dap.RequestMessage) (dap.ResponseMessage, error) {
	command := m.GetRequest().Command
	answer, err := d.send(m)
	if err != nil {
		return nil, fmt.Errorf("sending %s: %w", command, err)
	}
	answered := func(res dap.ResponseMessage) (dap.ResponseMessage, error) {
		if refused, ok := res.(*dap.ErrorResponse); ok {
			return nil, fmt.Errorf("%s refused: %s", command, refusal(refused))
		}
		return res, nil
	}
	select {
	case res := <-answer:
		return answered(res)
	case <-d.ended:
		select { // Delve answers a disconnect and closes the connection: both may be seen at once.
		case res := <-answer:
			return answered(res)
		default:
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		return nil, fmt.Errorf("waiting for the answer to %s: %w", command, d.readErr)
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the answer to %s: %w", command, ctx.Err())
	}
}

func refusal(res *dap.ErrorResponse) string {
	if res.Body.Error != nil {
		return res.Body.Error.Format
	}
	return res.Message
}

// Attach attaches to the program that Delve holds. paths maps folders of the
// client to those that the program was compiled in. The first rule that matches counts: that
// of the longest folder of the program.
func (d *DAP) Attach(ctx context.Context, paths map[string]string) error {
	type rule struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	rules := []rule{}
	for from, to := range paths {
		rules = append(rules, rule{from, to})
	}
	slices.SortFunc(rules, func(a, b rule) int { return cmp.Or(len(b.To)-len(a.To), cmp.Compare(a.From, b.From)) })
	args, err := json.Marshal(map[string]any{"mode": "remote", "substitutePath": rules})
	if err != nil {
		return fmt.Errorf("attaching: %w", err)
	}
	return d.begin(ctx, &dap.AttachRequest{Request: request("attach"), Arguments: args})
}

// Launch starts what a configuration of an editor says.
func (d *DAP) Launch(ctx context.Context, configuration json.RawMessage) error {
	return d.begin(ctx, &dap.LaunchRequest{Request: request("launch"), Arguments: configuration})
}

// begin sends the request that begins a session, and waits until breakpoints may be set.
func (d *DAP) begin(ctx context.Context, m dap.RequestMessage) error {
	if _, err := d.request(ctx, m); err != nil {
		return err
	}
	_, err := waitEvent[*dap.InitializedEvent](ctx, d)
	return err
}

// BreakAtLines sets the breakpoints of a file, given by its path on the client.
// One that Delve cannot place is an error.
func (d *DAP) BreakAtLines(ctx context.Context, path string, lines ...int) error {
	var points []dap.SourceBreakpoint
	for _, line := range lines {
		points = append(points, dap.SourceBreakpoint{Line: line})
	}
	return d.breakAt(ctx, path, points)
}

func (d *DAP) breakAt(ctx context.Context, path string, points []dap.SourceBreakpoint) error {
	res, err := d.request(ctx, &dap.SetBreakpointsRequest{
		Request:   request("setBreakpoints"),
		Arguments: dap.SetBreakpointsArguments{Source: dap.Source{Path: path}, Breakpoints: points},
	})
	if err != nil {
		return err
	}
	set, ok := res.(*dap.SetBreakpointsResponse)
	if !ok {
		return fmt.Errorf("setting breakpoints: unexpected answer %T", res)
	}
	for _, p := range set.Body.Breakpoints {
		if !p.Verified {
			return fmt.Errorf("setting breakpoints: %s", p.Message)
		}
	}
	return nil
}

// LogAtLine sets a logpoint in a file, given by its path on the client: Delve prints the message,
// with the values of its {expressions}, and the program goes on.
func (d *DAP) LogAtLine(ctx context.Context, path string, line int, message string) error {
	return d.breakAt(ctx, path, []dap.SourceBreakpoint{{Line: line, LogMessage: message}})
}

// Configured says that all breakpoints are set: Delve lets the program run.
func (d *DAP) Configured(ctx context.Context) error {
	_, err := d.request(ctx, &dap.ConfigurationDoneRequest{Request: request("configurationDone")})
	return err
}

// Stopped waits for the next stop.
func (d *DAP) Stopped(ctx context.Context) (*dap.StoppedEvent, error) {
	return waitEvent[*dap.StoppedEvent](ctx, d)
}

// Output waits for the next text that the debugger prints.
func (d *DAP) Output(ctx context.Context) (string, error) {
	event, err := waitEvent[*dap.OutputEvent](ctx, d)
	if err != nil {
		return "", err
	}
	return event.Body.Output, nil
}

// waitEvent drops events until one of the type comes. An ended session is an error.
func waitEvent[E dap.EventMessage](ctx context.Context, d *DAP) (E, error) {
	var none E
	for {
		select {
		case event, open := <-d.events: // those that came together with the end, too
			if !open {
				return none, fmt.Errorf("waiting for %T: %w", none, net.ErrClosed)
			}
			if wanted, ok := event.(E); ok {
				return wanted, nil
			}
			if _, ok := event.(*dap.TerminatedEvent); ok {
				return none, fmt.Errorf("waiting for %T: the session ended", none)
			}
		case <-ctx.Done():
			return none, fmt.Errorf("waiting for %T: %w", none, ctx.Err())
		}
	}
}

// Stack is the stack of a stopped thread, the innermost frame first. Its source
// paths are the client's, where the path map of Attach covers them.
func (d *DAP) Stack(ctx context.Context, threadID int) ([]dap.StackFrame, error) {
	res, err := d.request(ctx, &dap.StackTraceRequest{
		Request:   request("stackTrace"),
		Arguments: dap.StackTraceArguments{ThreadId: threadID, Levels: 50},
	})
	if err != nil {
		return nil, err
	}
	trace, ok := res.(*dap.StackTraceResponse)
	if !ok {
		return nil, fmt.Errorf("reading the stack: unexpected answer %T", res)
	}
	return trace.Body.StackFrames, nil
}

// Variables reads the locals and arguments of a frame: {"name": `"world"`}.
func (d *DAP) Variables(ctx context.Context, frameID int) (map[string]string, error) {
	res, err := d.request(ctx, &dap.ScopesRequest{Request: request("scopes"), Arguments: dap.ScopesArguments{FrameId: frameID}})
	if err != nil {
		return nil, err
	}
	scopes, ok := res.(*dap.ScopesResponse)
	if !ok {
		return nil, fmt.Errorf("reading variables: unexpected answer %T", res)
	}
	values := map[string]string{}
	for _, scope := range scopes.Body.Scopes {
		res, err := d.request(ctx, &dap.VariablesRequest{
			Request:   request("variables"),
			Arguments: dap.VariablesArguments{VariablesReference: scope.VariablesReference},
		})
		if err != nil {
			return nil, err
		}
		variables, ok := res.(*dap.VariablesResponse)
		if !ok {
			return nil, fmt.Errorf("reading variables: unexpected answer %T", res)
		}
		for _, v := range variables.Body.Variables {
			values[v.Name] = v.Value
		}
	}
	return values, nil
}

// Continue lets the program run.
func (d *DAP) Continue(ctx context.Context, threadID int) error {
	_, err := d.request(ctx, &dap.ContinueRequest{Request: request("continue"), Arguments: dap.ContinueArguments{ThreadId: threadID}})
	return err
}

// Disconnect ends the session: with terminate the program too, without it the
// program runs on.
func (d *DAP) Disconnect(ctx context.Context, terminate bool) error {
	_, err := d.request(ctx, &dap.DisconnectRequest{
		Request:   request("disconnect"),
		Arguments: &dap.DisconnectArguments{TerminateDebuggee: terminate},
	})
	return errors.Join(err, d.conn.Close())
}

// rawRequest is a request with arguments as they are written.
type rawRequest struct {
	dap.Request
	Arguments json.RawMessage `json:"arguments,omitempty"`
}

// Leave ends the session as an editor does that sends these arguments of a disconnect.
func (d *DAP) Leave(ctx context.Context, arguments string) error {
	_, err := d.request(ctx, &rawRequest{request("disconnect"), json.RawMessage(arguments)})
	return errors.Join(err, d.conn.Close())
}

// Break breaks the connection.
func (d *DAP) Break() error { return d.conn.Close() }
