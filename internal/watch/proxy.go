package watch

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

const (
	// clientWaits is how long a client is kept that has come before a debugger answers.
	clientWaits = 2 * time.Minute

	// dialWithin is how long the debugger may take to accept a connection.
	dialWithin = 10 * time.Second
)

// Proxy is an address on loopback that stays, and leads to the debugger of what runs now.
type Proxy struct {
	listener net.Listener
	tell     func(line string)

	mu      sync.Mutex
	target  Debugger              // without an address for none
	held    bool                  // the target is about to be replaced
	changed chan struct{}         // closed when target or held changes
	clients map[net.Conn]Debugger // that are connected
	lost    int                   // clients that lost their debugger since the last Lead
	running sync.WaitGroup
}

// Debugger is one that clients are led to: another one has another ID, and may have the same
// address.
type Debugger struct{ ID, Address string }

// Listen opens the port on 127.0.0.1, 0 for a free one. Clients that come wait.
func Listen(port int, tell func(line string)) (*Proxy, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("opening the port for clients: %w: choose another one with --port", err)
	}
	return &Proxy{listener: listener, tell: tell, changed: make(chan struct{}), clients: map[net.Conn]Debugger{}}, nil
}

// Address is where clients connect, 127.0.0.1:PORT.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Serve accepts clients until the context ends, and disconnects them then.
func (p *Proxy) Serve(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(ctx, func() { _ = p.listener.Close() })()
	for {
		client, err := p.listener.Accept()
		if err != nil {
			break
		}
		p.running.Go(func() { p.serve(ctx, client) })
	}
	stop()
	p.running.Wait()
}

// Hold has clients that come from now on wait for the next target. Those that are connected stay.
func (p *Proxy) Hold() { p.set(func() { p.held = true }) }

// Release ends a Hold without another target.
func (p *Proxy) Release() { p.set(func() { p.held = false }) }

// Lead leads clients to a debugger from now on, and disconnects those of another one. It returns
// how many have lost their debugger since the last time.
func (p *Proxy) Lead(to Debugger) (lost int) {
	p.set(func() {
		p.target, p.held = to, false
		p.disconnect(func(from Debugger) bool { return from != to })
		lost, p.lost = p.lost, 0
	})
	return lost
}

// Drop disconnects the clients of a debugger that is gone.
func (p *Proxy) Drop(gone Debugger) {
	p.set(func() {
		if p.target == gone {
			p.target = Debugger{}
		}
		p.disconnect(func(from Debugger) bool { return from == gone })
	})
}

func (p *Proxy) disconnect(which func(Debugger) bool) {
	for client, of := range p.clients {
		if which(of) {
			_ = client.Close()
			delete(p.clients, client)
			p.lost++
		}
	}
}

func (p *Proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// await returns the target when there is one.
func (p *Proxy) await(ctx context.Context) (Debugger, error) {
	for {
		p.mu.Lock()
		target, held, changed := p.target, p.held, p.changed
		p.mu.Unlock()
		if target.Address != "" && !held {
			return target, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Debugger{}, ctx.Err()
		}
	}
}

// serve connects one client.
func (p *Proxy) serve(ctx context.Context, client net.Conn) {
	defer func() { _ = client.Close() }()
	waiting, cancel := context.WithTimeout(ctx, clientWaits)
	defer cancel()
	target, err := p.await(waiting)
	if err != nil {
		if ctx.Err() == nil {
			p.tell(fmt.Sprintf("a client has waited %s for a debugger, and is disconnected: connect again when one answers", clientWaits))
		}
		return
	}
	debugger, err := (&net.Dialer{Timeout: dialWithin}).DialContext(ctx, "tcp", target.Address)
	if err != nil {
		if ctx.Err() == nil {
			p.tell(fmt.Sprintf("a client is disconnected: %s", err))
		}
		return
	}
	defer func() { _ = debugger.Close() }()
	p.mu.Lock()
	if p.target != target { // it was replaced meanwhile
		p.mu.Unlock()
		return
	}
	p.clients[client] = target
	p.mu.Unlock()
	defer context.AfterFunc(ctx, func() { _ = client.Close() })()
	p.running.Go(func() {
		_, _ = io.Copy(debugger, client)
		p.leave(client, false)
		_ = debugger.Close() // Delve has nothing to say to a client that is gone
	})
	_, _ = io.Copy(client, debugger)
	p.leave(client, true)
}

// leave notes the end of a connection, and whether it was the debugger's doing. The first word
// counts.
func (p *Proxy) leave(client net.Conn, lost bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, connected := p.clients[client]; connected && lost {
		p.lost++
	}
	delete(p.clients, client)
}
