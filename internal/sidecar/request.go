package sidecar

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// request is what a client asks Delve for, in one of its two protocols.
type request struct {
	// text is what Delve is sent.
	text []byte

	// changes tells whether it may change breakpoints, or stop the program.
	changes bool

	// standing is nil but for a request to halt: it asks for the state, whose answer has the same
	// form, and is sent instead where the program stands, as Delve does for the Debug Adapter
	// Protocol (service/dap, halt).
	standing []byte

	// dumps tells whether the client asked for a core dump, which text does not.
	dumps bool

	// kills tells whether the client asked to end the program, which text does not. detaches
	// tells whether Delve ends.
	kills, detaches bool
}

// requestsOf reads the requests of a client. The first byte tells which protocol it speaks, as it
// does to Delve (1.27.2, service/rpccommon, serveConnectionDemux).
func requestsOf(in *bufio.Reader) (next func() (request, error)) {
	if first, err := in.Peek(1); err == nil && first[0] == 'C' {
		return func() (request, error) { return readDAP(in) }
	}
	bound := &io.LimitedReader{R: in}
	d := json.NewDecoder(bound)
	return func() (request, error) {
		var text json.RawMessage
		bound.N = contentMax
		if err := d.Decode(&text); err != nil {
			return request{}, err
		}
		return rpcRequest(text)
	}
}

// notDumped stands for the method of a core dump: Delve answers that it does not know it. While
// it dumps, the program stands, and a request for the state at that time has it stand for ever
// (1.27.2, service/debugger, State keeps dumpState's lock).
const notDumped = "DumpStart, which a sidecar does not pass on: the program would stand still meanwhile"

// rpcRequest reads a request of Delve's JSON-RPC, as net/rpc/jsonrpc does.
func rpcRequest(text json.RawMessage) (request, error) {
	r := request{text: append(bytes.TrimSpace(text), '\n'), changes: true}
	var said struct {
		Method string          `json:"method"`
		Params json.RawMessage `json:"params"`
		ID     json.RawMessage `json:"id"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return r, err // which ends Delve's connection too
	}
	switch method, _ := strings.CutPrefix(said.Method, "RPCServer."); method {
	case "State", "GetVersion", "SetApiVersion", "IsMulticlient":
		r.changes = false
	case "Detach":
		r.detaches = true
		var kill [1]struct{ Kill bool } // of several, Delve too reads the first
		r.kills = json.Unmarshal(said.Params, &kill) == nil && kill[0].Kill
		r.text = newRequest(method, `{"Kill":false}`, said.ID)
	case "Command":
		var commands [1]struct{ Name string }
		if json.Unmarshal(said.Params, &commands) == nil && commands[0].Name == "halt" {
			r.standing = newRequest("State", `{"NonBlocking":false}`, said.ID)
		}
	case "DumpStart":
		r.dumps = true
		r.text = newRequest(notDumped, `{}`, said.ID)
	}
	return r, nil
}

// newRequest stands for a client's: Delve reads a key of that in any case, and the last of several.
func newRequest(method, param string, id json.RawMessage) []byte {
	return fmt.Appendf(nil, `{"method":"RPCServer.%s","params":[%s],"id":%s}`+"\n", method, param, orNull(id))
}

func orNull(value json.RawMessage) []byte {
	if len(value) == 0 {
		return []byte("null")
	}
	return value
}

// Bounds of messages: those of the Debug Adapter Protocol, as Delve's reader has them
// (github.com/google/go-dap, ReadBaseMessage).
const (
	headerBegin = "Content-Length: "
	headerEnd   = "\r\n\r\n"
	headerMax   = 64
	contentMax  = 4 << 20
)

// readDAP reads a message of the Debug Adapter Protocol.
func readDAP(in *bufio.Reader) (request, error) {
	var header []byte
	for !bytes.HasSuffix(header, []byte(headerEnd)) {
		b, err := in.ReadByte()
		if err != nil {
			return request{}, err
		}
		if header = append(header, b); len(header) > headerMax {
			return request{}, fmt.Errorf("a header begins with %q", header)
		}
	}
	length, found := strings.CutPrefix(strings.TrimSuffix(string(header), headerEnd), headerBegin)
	n, err := strconv.Atoi(length)
	if !found || err != nil || n < 0 || n > contentMax {
		return request{}, fmt.Errorf("the header is %q", header)
	}
	content := make([]byte, n)
	if _, err := io.ReadFull(in, content); err != nil {
		return request{}, err
	}
	return dapRequest(content), nil
}

// dapRequest reads a request of the Debug Adapter Protocol, as go-dap does.
func dapRequest(content []byte) request {
	r := request{changes: true}
	var said struct {
		Seq       int             `json:"seq"`
		Type      string          `json:"type"`
		Command   string          `json:"command"`
		Arguments json.RawMessage `json:"arguments"`
	}
	if json.Unmarshal(content, &said) == nil && said.Command == "disconnect" {
		var arguments struct {
			TerminateDebuggee bool `json:"terminateDebuggee"`
		}
		r.kills = json.Unmarshal(said.Arguments, &arguments) == nil && arguments.TerminateDebuggee
		content = fmt.Appendf(nil, `{"seq":%d,"type":"request","command":"disconnect","arguments":{"terminateDebuggee":false}}`, said.Seq)
	}
	r.text = append(fmt.Appendf(nil, "%s%d%s", headerBegin, len(content), headerEnd), content...)
	return r
}
