package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"

	"k8s.io/streaming/pkg/httpstream"
)

// Headers of a forwarded port's streams (k8s.io/api/core/v1, StreamType and others).
const (
	streamType    = "streamType"
	streamError   = "error"
	streamData    = "data"
	portHeader    = "port"
	requestHeader = "requestID"
)

// Forward is a port of this machine, on the loopback address, that leads to a port of a pod.
// Each connection has a tunnel of its own: where one breaks, the next connection gets another.
type Forward struct {
	listener net.Listener
	dial     func() (httpstream.Connection, error)
	stop     func()
	port     int
	explain  func(error) error

	mu     sync.Mutex
	failed error // of the last connection, nil where it went well
	lost   error // of the last tunnel, nil where it was opened
	open   map[io.Closer]bool
	closed bool
	done   sync.WaitGroup
}

// Forward listens on a port of this machine, 0 for a free one, until [Forward.Close].
func (c *Cluster) Forward(pod string, port, local int) (*Forward, error) {
	to := c.at(c.path("pods", pod, "portforward"), nil)
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(local)))
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	f := &Forward{
		listener: listener, port: port, explain: c.explain, open: map[io.Closer]bool{}, stop: stop,
		dial: func() (httpstream.Connection, error) { return c.tunnel(ctx, to) },
	}
	f.done.Add(1)
	go f.accept()
	return f, nil
}

// Port is that of this machine.
func (f *Forward) Port() int {
	addr, _ := f.listener.Addr().(*net.TCPAddr)
	return addr.Port
}

// Failed says why the last connection had no tunnel, nil where it had one.
func (f *Forward) Failed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// Lost says why the last tunnel could not be opened, nil where it was: the pod cannot be reached.
func (f *Forward) Lost() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}

// Close ends the port and what is connected.
func (f *Forward) Close() {
	f.mu.Lock()
	f.closed = true
	f.stop()
	_ = f.listener.Close()
	for one := range f.open {
		_ = one.Close()
	}
	f.mu.Unlock()
	f.done.Wait()
}

// keep has Close close it too. The function that it returns closes it.
func (f *Forward) keep(one io.Closer) func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open[one] = true
	if f.closed {
		_ = one.Close()
	}
	return func() {
		_ = one.Close()
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.open, one)
	}
}

func (f *Forward) accept() {
	defer f.done.Done()
	for id := 0; ; id++ {
		conn, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.done.Add(1)
		go func() {
			defer f.done.Done()
			defer f.keep(conn)()
			err := f.serve(conn, id)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.failed = err
		}()
	}
}

// serve takes one connection through a tunnel, and returns when one of both ends.
func (f *Forward) serve(conn net.Conn, id int) error {
	tunnel, err := f.dial()
	if err != nil {
		err = f.explain(err)
	}
	f.mu.Lock()
	f.lost = err
	f.mu.Unlock()
	if err != nil {
		return err
	}
	defer f.keep(tunnel)()
	open := func(kind string) (httpstream.Stream, error) {
		h := http.Header{}
		h.Set(portHeader, strconv.Itoa(f.port))
		h.Set(requestHeader, strconv.Itoa(id))
		h.Set(streamType, kind)
		return tunnel.CreateStream(h)
	}
	failures, err := open(streamError)
	if err != nil {
		return f.explain(err)
	}
	_ = failures.Close() // it is read only
	failure := make(chan error, 1)
	go func() {
		text, err := io.ReadAll(failures)
		if err == nil && len(text) > 0 {
			err = fmt.Errorf("the node: %s", text)
		}
		failure <- err
	}()
	data, err := open(streamData)
	if err != nil {
		return f.explain(err)
	}
	sent, received := make(chan error, 1), make(chan struct{})
	go func() {
		_, err := io.Copy(data, conn)
		_ = data.Close()
		sent <- err
	}()
	go func() {
		_, _ = io.Copy(conn, data)
		close(received)
	}()
	for {
		select {
		case <-received:
			_ = data.Reset()
		case err := <-sent:
			if err == nil {
				continue // what answers the last of it is to come
			}
			_ = data.Reset()
		case <-tunnel.CloseChan():
			return errBroken
		}
		select {
		case err := <-failure:
			return err
		case <-tunnel.CloseChan():
			return errBroken
		}
	}
}

var errBroken = errors.New("the tunnel to the pod broke")
