package watch

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// named is a server that says its name to everybody, and then what it is told.
func named(t *testing.T, name string) Debugger {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.WriteString(conn, name+"\n")
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return Debugger{ID: name, Address: listener.Addr().String()}
}

// client is a connection to a proxy.
type client struct {
	net.Conn
	lines *bufio.Reader
}

func connect(t *testing.T, p *Proxy) client {
	t.Helper()
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return client{conn, bufio.NewReader(conn)}
}

func (c client) reads(t *testing.T, want string) {
	t.Helper()
	if got, err := c.lines.ReadString('\n'); err != nil || got != want+"\n" {
		t.Fatalf("read %q, %v, want %q", got, err, want)
	}
}

// ends waits for the end of the connection.
func (c client) ends(t *testing.T) {
	t.Helper()
	if rest, err := io.ReadAll(c.lines); len(rest) > 0 {
		t.Errorf("read %q, %v, want the end", rest, err)
	}
}

func newProxy(t *testing.T) *Proxy {
	t.Helper()
	p, err := Listen(0, func(line string) { t.Errorf("it says %q", line) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(proctest.Context(t))
	done := make(chan struct{})
	go func() { p.Serve(ctx); close(done) }()
	t.Cleanup(func() { stop(); <-done })
	return p
}

func TestClientsAreLedToTheDebuggerThatIsThere(t *testing.T) {
	p, first, second := newProxy(t), named(t, "first"), named(t, "second")
	early := connect(t, p) // waits
	p.Lead(first)
	early.reads(t, "first")
	if _, err := io.WriteString(early, "there and back\n"); err != nil {
		t.Fatal(err)
	}
	early.reads(t, "there and back")

	// While the container is replaced, those that come wait, and those that are there stay.
	p.Hold()
	late := connect(t, p)
	if _, err := io.WriteString(early, "still here\n"); err != nil {
		t.Fatal(err)
	}
	early.reads(t, "still here")
	p.Drop(first)
	early.ends(t)
	if n := p.Lead(second); n != 1 {
		t.Errorf("%d clients have lost their debugger, want the early one", n)
	}
	late.reads(t, "second")
	p.Drop(first) // told late
	if n := p.Lead(first); n != 1 {
		t.Errorf("%d clients have lost their debugger, want the late one", n)
	}
	late.ends(t)

	p.Hold()
	waits := connect(t, p)
	p.Release() // nothing was replaced
	waits.reads(t, "first")
}

func TestAnotherContainerMayHaveTheSameAddress(t *testing.T) {
	p, at := newProxy(t), named(t, "one")
	p.Lead(at)
	before := connect(t, p)
	before.reads(t, "one")
	again := Debugger{ID: "another", Address: at.Address}
	p.Lead(again)
	before.ends(t)
	after := connect(t, p)
	after.reads(t, "one")
	p.Drop(at)
	if _, err := io.WriteString(after, "here\n"); err != nil {
		t.Fatal(err)
	}
	after.reads(t, "here")
}

// TestADebuggerThatEndsLosesItsClients tells clients that leave from those that are left.
func TestADebuggerThatEndsLosesItsClients(t *testing.T) {
	p := newProxy(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	dying := Debugger{ID: "dying", Address: listener.Addr().String()}
	accept := func() net.Conn {
		t.Helper()
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	p.Lead(dying)
	leaves := connect(t, p)
	conn := accept()
	_ = leaves.Close()
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
	left := connect(t, p)
	_ = accept().Close() // the container is killed
	left.ends(t)
	p.Drop(dying)
	if n := p.Lead(named(t, "next")); n != 1 {
		t.Errorf("%d clients have lost their debugger, want 1", n)
	}
}

func TestATakenPortIsTold(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	address, ok := taken.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatal(taken.Addr())
	}
	if _, err := Listen(address.Port, nil); err == nil || !strings.Contains(err.Error(), "choose another one with --port") {
		t.Errorf("the error is %v", err)
	}
}
