package sidecar

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dlvgen/dlvgen/internal/delverpc"
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
// and the last one that leaves does not leave it standing.
type guard struct {
	// listener is where clients come, addr where Delve listens.
	listener  net.Listener
	addr      netip.AddrPort
	accepting sync.Once

	// say tells what happens to the program, lives tells whether it is there.
	say   func(format string, args ...any)
	lives func() bool

	// clients counts those that are connected, used is set when one may have changed something.
	clients atomic.Int32
	used    atomic.Bool

	// turn is that of a client who comes or leaves: the next one waits until the program was
	// released.
	turn sync.Mutex

	// debugging is done when Delve gives the program up, and is not to be asked for anything.
	// told is set when it was told to, serving is closed when it serves.
	mu        sync.Mutex
	debugging context.Context
	giveUp    context.CancelFunc
	told      bool
	serving   <-chan struct{}
}

// attached notes that a Delve is started, which has the program until gone is closed. It returns a
// channel that is closed when it serves.
func (g *guard) attached(gone <-chan struct{}) (serving <-chan struct{}) {
	life, ended := context.WithCancel(context.Background())
	go func() {
		<-gone
		ended()
	}()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.debugging, g.giveUp = context.WithCancel(life)
	g.told, g.serving = false, awaitServing(life, g.addr.String())
	g.accepting.Do(func() { go g.accept() })
	return g.serving
}

// tellsToLeave notes that Delve is told to give the program up.
func (g *guard) tellsToLeave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.told = true
	g.giveUp()
}

// toldToLeave tells whether somebody has told Delve to give the program up.
func (g *guard) toldToLeave() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.told
}

// current is the Delve that has the program.
func (g *guard) current() (debugging context.Context, serving <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.debugging, g.serving
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
	in := bufio.NewReader(client)
	if _, err := in.Peek(1); err != nil {
		return
	}
	g.enter()
	defer g.leave()
	delve, err := g.dial()
	if err != nil {
		g.say("%v", err)
		return
	}
	defer func() { _ = delve.Close() }()
	answered := make(chan struct{})
	go func() {
		_, _ = io.Copy(client, delve)
		_ = client.Close()
		close(answered)
	}()
	g.pass(in, delve)
	_ = delve.CloseWrite()
	select {
	case <-answered:
	case <-time.After(closeWithin):
	}
}

// dial connects with Delve as soon as one serves: a client that asks for the state just as the
// program begins to run gets its answer when that stops (1.27.2, service/debugger, State).
func (g *guard) dial() (*net.TCPConn, error) {
	for {
		debugging, serving := g.current()
		select {
		case <-serving:
			conn, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(g.addr))
			if err == nil {
				return conn, nil
			}
			if !errors.Is(err, syscall.ECONNREFUSED) {
				return nil, err
			}
		case <-debugging.Done():
		}
		time.Sleep(dialEvery) // until the next one is started
	}
}

// pass passes on a client's requests, but for what would end the program.
func (g *guard) pass(in *bufio.Reader, delve io.Writer) {
	next := requestsOf(in)
	for {
		r, err := next()
		if err != nil {
			return
		}
		if r.kills {
			g.say("a client asked to kill the program: it goes on, without the client")
		}
		if r.detaches {
			g.tellsToLeave()
		}
		if r.changes {
			g.used.Store(true)
		}
		if _, err := delve.Write(r.text); err != nil {
			return
		}
	}
}

func (g *guard) enter() {
	g.turn.Lock()
	defer g.turn.Unlock()
	g.clients.Add(1)
}

// leave removes the breakpoints when the last client leaves, and has the program go on.
func (g *guard) leave() {
	g.turn.Lock()
	defer g.turn.Unlock()
	if g.clients.Add(-1) > 0 || !g.used.Swap(false) {
		return
	}
	ctx, _ := g.current()
	all := func(int) bool { return true }
	none := func(delverpc.State) bool { return false }
	err := delverpc.Release(ctx, g.addr.String(), all, none)
	switch {
	case ctx.Err() != nil || !g.lives(): // Delve has let the program go, or it has ended
	case err != nil:
		g.say("the last client has left: %s", g.public(err.Error()))
	default:
		g.say("the last client has left: its breakpoints are removed, and the program goes on")
	}
}

// public names the address that clients know.
func (g *guard) public(text string) string {
	return strings.ReplaceAll(text, g.addr.String(), g.listener.Addr().String())
}

// connected tells how many clients there are.
func (g *guard) connected() int { return int(g.clients.Load()) }
