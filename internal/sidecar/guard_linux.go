package sidecar

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// dialEvery is how often to look for the next Delve where one has ended.
	dialEvery = 50 * time.Millisecond

	// closeWithin is how long Delve may take to answer a client that says nothing more.
	closeWithin = 2 * time.Second

	// acceptAgain is how long to wait where no connection can be accepted.
	acceptAgain = 100 * time.Millisecond
)

// guard stands between the clients and Delve. The program is production's: no client ends it,
// and it does not stand still while nobody debugs it.
type guard struct {
	// listener is where clients come, addr where Delve listens.
	listener  net.Listener
	addr      netip.AddrPort
	accepting sync.Once

	debuggee

	// clients counts those that are connected.
	clients atomic.Int32

	// turn is that of a client that begins to debug, or of an attempt to have the program go on.
	// It guards debuggers, the number of clients that may have changed something, and used, which
	// is set when one has. left is told when the last of them leaves.
	turn      sync.Mutex
	left      *sync.Cond
	debuggers int
	used      bool

	// delve has the program.
	mu    sync.Mutex
	delve *attachment
}

// debuggee is what a guard knows of the program itself.
type debuggee interface {
	// say tells what happens to it.
	say(format string, args ...any)

	// lives tells whether it is there, trapWaits whether a SIGTRAP waits until it goes on.
	lives() bool
	trapWaits() bool
}

func newGuard(listener net.Listener, addr netip.AddrPort, p debuggee) *guard {
	g := &guard{listener: listener, addr: addr, debuggee: p}
	g.left = sync.NewCond(&g.turn)
	return g
}

// attached notes that a Delve is started, which has the program until gone is closed.
func (g *guard) attached(gone <-chan struct{}) *attachment {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.delve = newAttachment(g.addr, gone)
	g.accepting.Do(func() { go g.accept() })
	go g.keep(g.delve)
	return g.delve
}

// current is the Delve that has the program.
func (g *guard) current() *attachment {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.delve
}

// accept serves clients until the listener is closed.
func (g *guard) accept() {
	for {
		client, err := g.listener.Accept()
		switch {
		case err == nil:
			go g.serve(client)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			g.say("accepting a client: %v", err)
			time.Sleep(acceptAgain)
		}
	}
}

// serve passes on what a client and Delve say. A connection on which nobody speaks, such as a
// probe's, is not passed on.
func (g *guard) serve(client net.Conn) {
	defer func() { _ = client.Close() }()
	vanishes(client)
	in := bufio.NewReader(client)
	if _, err := in.Peek(1); err != nil {
		return
	}
	g.clients.Add(1)
	defer g.clients.Add(-1)
	debugs := false
	defer func() {
		if debugs {
			g.leave()
		}
	}()
	delve, err := g.dial()
	if err != nil {
		g.say("%v", err)
		return
	}
	defer delve.end()
	answered := make(chan struct{})
	go func() {
		_, _ = io.Copy(client, delve)
		// Without a reader, Delve may not read either, and what it is sent would wait for ever.
		_ = client.Close()
		_ = delve.Close()
		close(answered)
	}()
	g.pass(in, delve, func() {
		if !debugs {
			debugs = true
			g.enter()
		}
	})
	_ = delve.CloseWrite()
	select {
	case <-answered:
	case <-time.After(closeWithin):
	}
}

// dial connects with Delve as soon as one serves: a client that asks for the state just as the
// program begins to run gets its answer when that stops (1.27.2, service/debugger, State).
func (g *guard) dial() (*connection, error) {
	for {
		delve := g.current()
		select {
		case <-delve.serving:
			conn, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(g.addr))
			switch {
			case err == nil && delve.connects(conn):
				return &connection{conn, delve}, nil
			case err == nil:
				_ = conn.Close()
			case !errors.Is(err, syscall.ECONNREFUSED):
				return nil, err
			}
		case <-delve.life.Done():
		}
		time.Sleep(dialEvery) // until the next one is started
	}
}

// pass passes on a client's requests, but for what would end the program. It calls changes before
// each that may change something.
func (g *guard) pass(in *bufio.Reader, delve *connection, changes func()) {
	next := requestsOf(in)
	for {
		r, err := next()
		if err != nil {
			return
		}
		if r.changes {
			changes()
		}
		if r.kills {
			g.say("a client asked to kill the program: it goes on, without the client")
		}
		if r.dumps {
			g.say("a client asked for a core dump: the program would stand still meanwhile, so there is none")
		}
		if err := g.send(delve, r); err != nil {
			return
		}
	}
}

// send passes on one request.
func (g *guard) send(delve *connection, r request) error {
	switch {
	case r.detaches:
		return g.detach(delve, r)
	case r.standing != nil:
		return g.halt(delve, r)
	}
	if r.changes {
		delve.to.passes()
	}
	_, err := delve.Write(r.text)
	return err
}

// enter notes a client that may change something from now on.
func (g *guard) enter() {
	g.turn.Lock()
	defer g.turn.Unlock()
	g.debuggers++
	g.used = true
}

// leave notes that such a client has left.
func (g *guard) leave() {
	g.turn.Lock()
	defer g.turn.Unlock()
	g.debuggers--
	g.left.Broadcast()
}

// public names the address that clients know.
func (g *guard) public(text string) string {
	return strings.ReplaceAll(text, g.addr.String(), g.listener.Addr().String())
}

// connected tells how many clients there are.
func (g *guard) connected() int { return int(g.clients.Load()) }
