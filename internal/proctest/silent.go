package proctest

import (
	"net"
	"sync"
	"testing"
)

// Silent listens, lets begin write to each connection, where it is not nil, and leaves
// the connections open until the test ends. It returns the address.
func Silent(t testing.TB, network, address string, begin func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	var running sync.WaitGroup
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns = append(conns, conn)
			if begin != nil {
				running.Go(func() { begin(conn) })
			}
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-ended
		for _, conn := range conns {
			_ = conn.Close()
		}
		running.Wait()
	})
	return listener.Addr().String()
}
