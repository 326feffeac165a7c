package cluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/websocket"
	clientspdy "k8s.io/client-go/transport/spdy"
	clientwebsocket "k8s.io/client-go/transport/websocket"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// Protocols of the API (k8s.io/apimachinery, pkg/util/portforward and pkg/util/remotecommand).
const (
	forwardProtocol = "portforward.k8s.io"
	tunnelProtocol  = "SPDY/3.1+" + forwardProtocol // over WebSocket, since Kubernetes 1.30
)

// pingEvery is how often a tunnel is used at least, as kubectl does: proxies close idle ones.
const pingEvery = 10 * time.Second

// webSocket opens a WebSocket at an address of the API.
func (c *Cluster) webSocket(ctx context.Context, at *url.URL, protocols ...string) (*websocket.Conn, error) {
	transport, holder, err := clientwebsocket.RoundTripperFor(c.config)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	return clientwebsocket.Negotiate(transport, holder, request, protocols...)
}

// tunnel opens a connection for streams to an address of the API: SPDY over WebSocket, or SPDY
// where the cluster or a proxy in front of it knows no other, as kubectl does.
func (c *Cluster) tunnel(ctx context.Context, to *url.URL) (httpstream.Connection, error) {
	conn, err := c.webSocket(ctx, to, tunnelProtocol)
	if err == nil {
		return spdy.NewClientConnectionWithPings(&tunnelConn{Conn: conn.NetConn(), socket: conn, reader: websocket.JoinMessages(conn, "")}, pingEvery)
	}
	if !httpstream.IsUpgradeFailure(err) && !httpstream.IsHTTPSProxyError(err) {
		return nil, err
	}
	transport, upgrader, err := clientspdy.RoundTripperFor(c.config)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	older, protocol, err := clientspdy.NegotiateStreaming(upgrader, &http.Client{Transport: transport, CheckRedirect: sameHost}, request, forwardProtocol)
	if err == nil && protocol != forwardProtocol {
		_ = older.Close()
		err = fmt.Errorf("the cluster speaks %q, not %q", protocol, forwardProtocol)
	}
	return older, err
}

// tunnelConn is what SPDY runs over: the messages of a WebSocket as a connection.
type tunnelConn struct {
	net.Conn // for its addresses
	socket   *websocket.Conn
	reader   io.Reader
}

func (t *tunnelConn) Read(p []byte) (int, error) { return t.reader.Read(p) }

func (t *tunnelConn) Write(p []byte) (int, error) {
	if err := t.socket.WriteMessage(websocket.BinaryMessage, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// closeWithin is how long the other side may take to hear of the end.
const closeWithin = time.Second

func (t *tunnelConn) Close() error {
	_ = t.socket.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(closeWithin))
	return t.socket.Close()
}

func (t *tunnelConn) SetDeadline(at time.Time) error {
	if err := t.socket.SetReadDeadline(at); err != nil {
		return err
	}
	return t.socket.SetWriteDeadline(at)
}

func (t *tunnelConn) SetReadDeadline(at time.Time) error  { return t.socket.SetReadDeadline(at) }
func (t *tunnelConn) SetWriteDeadline(at time.Time) error { return t.socket.SetWriteDeadline(at) }
