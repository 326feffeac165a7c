package sidecar

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// writeWithin is how long Delve may take to read a request that others wait for.
const writeWithin = 2 * time.Second

// attachment is a Delve that has the program.
type attachment struct {
	// life is done when Delve has ended, debugging also when it is about to be told by this process
	// to give the program up, which givesUp notes. serving is closed when it serves.
	life, debugging context.Context
	givesUp         context.CancelFunc
	serving         <-chan struct{}

	// halting is that of the request to halt, or to detach, that is passed on.
	halting sync.Mutex

	// told is set when anybody tells it to give the program up. conns are the clients' connections
	// with it, passed is when it was sent a request that may change something.
	mu     sync.Mutex
	told   bool
	conns  map[*net.TCPConn]bool
	passed time.Time
}

// newAttachment is a Delve that listens at addr until gone is closed.
func newAttachment(addr netip.AddrPort, gone <-chan struct{}) *attachment {
	life, ended := context.WithCancel(context.Background())
	go func() {
		<-gone
		ended()
	}()
	a := &attachment{life: life, serving: awaitServing(life, addr.String()), conns: map[*net.TCPConn]bool{}}
	a.debugging, a.givesUp = context.WithCancel(life)
	return a
}

// serves tells whether Delve has answered.
func (a *attachment) serves() bool {
	select {
	case <-a.serving:
		return true
	default:
		return false
	}
}

// tell notes whether Delve is told to give the program up.
func (a *attachment) tell(told bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.told = told
}

// toldToLeave tells whether somebody has told Delve to give the program up.
func (a *attachment) toldToLeave() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.told
}

// connects notes a connection. It is false where Delve is told to give the program up.
func (a *attachment) connects(conn *net.TCPConn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.told {
		return false
	}
	a.conns[conn] = true
	return true
}

// cut ends the connections but for one.
func (a *attachment) cut(but *net.TCPConn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for conn := range a.conns {
		if conn != but {
			_ = conn.Close()
		}
	}
}

// passes notes that a request is passed on that may change something.
func (a *attachment) passes() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.passed = time.Now()
}

// sincePassed is how long ago such a request was passed on.
func (a *attachment) sincePassed() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Since(a.passed)
}

// connection is a client's with a Delve.
type connection struct {
	*net.TCPConn
	to *attachment
}

// end ends it.
func (c *connection) end() {
	c.to.mu.Lock()
	defer c.to.mu.Unlock()
	_ = c.Close()
	delete(c.to.conns, c.TCPConn)
}

// write sends a request. A Delve that does not read must not hold what waits for it.
func (c *connection) write(text []byte) error {
	if err := c.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	if _, err := c.Write(text); err != nil {
		return err
	}
	return c.SetWriteDeadline(time.Time{})
}
