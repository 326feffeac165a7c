// Package delverpc speaks with a headless Delve: its JSON-RPC, what it says of the program, and how
// the program is stopped and goes on. It links the standard library only: Delve's own client
// brings Delve's debugger along, and net/rpc a web server.
package delverpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"
)

// dialWithin is how long one address may take to accept a connection.
const dialWithin = 5 * time.Second

// Client is a connection to Delve's JSON-RPC: JSON-RPC 1.0 as net/rpc/jsonrpc speaks it, for one
// goroutine at a time.
type Client struct {
	conn    net.Conn
	decoder *json.Decoder
	last    int
}

// Dial connects to a Delve at the first of the addresses that accepts a connection, in a network
// as package net takes it: "tcp", "unix".
func Dial(ctx context.Context, network string, addresses ...string) (*Client, error) {
	var errs []error
	for _, address := range addresses {
		conn, err := (&net.Dialer{Timeout: dialWithin}).DialContext(ctx, network, address)
		if err == nil {
			return &Client{conn: conn, decoder: json.NewDecoder(conn)}, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("connecting to Delve: %w", errors.Join(errs...))
}

// Close ends the connection. The program stays as it is, stopped or running.
func (c *Client) Close() { _ = c.conn.Close() }

// Within bounds what is sent and received from now on; 0 is no bound.
func (c *Client) Within(d time.Duration) error {
	var deadline time.Time
	if d > 0 {
		deadline = time.Now().Add(d)
	}
	return c.conn.SetDeadline(deadline)
}

// Send calls a method of Delve's RPCServer, and returns the number of the request. Delve
// answers requests to the program when it has stopped, all others in their order.
func (c *Client) Send(method string, in any) (id int, err error) {
	c.last++
	request := map[string]any{"method": "RPCServer." + method, "params": []any{in}, "id": c.last}
	if err := json.NewEncoder(c.conn).Encode(request); err != nil {
		return 0, fmt.Errorf("calling Delve's %s: %w", method, err)
	}
	return c.last, nil
}

// Answer is what Delve answers to a request.
type Answer struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  any             `json:"error"`
}

// Receive waits for the next answer.
func (c *Client) Receive() (Answer, error) {
	var a Answer
	if err := c.decoder.Decode(&a); err != nil {
		return a, fmt.Errorf("waiting for Delve: %w", err)
	}
	return a, nil
}

// Read reads the result of a call of a method. An error of Delve's own is a [*RemoteError].
func (a Answer) Read(method string, out any) error {
	if a.Error != nil {
		return &RemoteError{method, fmt.Sprint(a.Error)}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(a.Result, out); err != nil {
		return fmt.Errorf("reading Delve's answer to %s: %w", method, err)
	}
	return nil
}

// Call calls a method and waits for the answer, at most within if that is not 0. Answers to
// requests before it are dropped.
func (c *Client) Call(method string, in, out any, within time.Duration) error {
	answers, err := c.Each(method, []any{in}, within)
	if err != nil {
		return err
	}
	return answers[0].Read(method, out)
}

// together is how many requests are on their way at once: their answers are read afterwards, and
// must fit into the connection meanwhile.
const together = 32

// Each calls a method with each of the values and returns the answers in their order, without a
// round trip for each. It waits at most within for some of them, if that is not 0.
func (c *Client) Each(method string, values []any, within time.Duration) ([]Answer, error) {
	answers := make([]Answer, 0, len(values))
	for len(values) > 0 {
		now := values[:min(together, len(values))]
		values = values[len(now):]
		if err := c.Within(within); err != nil {
			return nil, fmt.Errorf("calling Delve's %s: %w", method, err)
		}
		first := c.last + 1
		for _, in := range now {
			if _, err := c.Send(method, in); err != nil {
				return nil, err
			}
		}
		for end := len(answers) + len(now); len(answers) < end; {
			a, err := c.Receive()
			if err != nil {
				return nil, err
			}
			if a.ID >= first {
				answers = append(answers, a)
			}
		}
	}
	return answers, nil
}

// RemoteError is an error that Delve answered with.
type RemoteError struct{ Method, Text string }

func (e *RemoteError) Error() string { return "Delve's " + e.Method + ": " + e.Text }
