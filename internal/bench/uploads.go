package bench

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// uploads stands in front of a registry and counts the blobs that are sent to it.
type uploads struct {
	// Host is its address, "127.0.0.1:43210".
	Host string

	server *http.Server

	mu   sync.Mutex
	sent tally
}

// tally is what was sent.
type tally struct {
	bytes int64
	blobs map[string]int // how often, by digest
}

// countUploads starts a counter in front of a registry. The caller closes it.
func countUploads(reg *testenv.Registry) (*uploads, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u := &uploads{Host: listener.Addr().String(), sent: tally{blobs: map[string]int{}}}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: reg.Host})
	proxy.ErrorLog = log.New(io.Discard, "", 0) // clients that go away
	u.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isUpload(r) {
			var body counted
			body.ReadCloser, r.Body = r.Body, &body
			defer func() { u.count(body.read.Load(), r.URL.Query().Get("digest")) }()
		}
		proxy.ServeHTTP(w, r)
	})}
	go func() { _ = u.server.Serve(listener) }()
	return u, nil
}

// isUpload says that a request sends a blob or a part of one
// (https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs).
func isUpload(r *http.Request) bool {
	sends := r.Method == http.MethodPatch || r.Method == http.MethodPut || r.Method == http.MethodPost
	return sends && strings.Contains(r.URL.Path, "/blobs/uploads/")
}

// count adds one request. The last one of an upload, or its only one, has the digest.
func (u *uploads) count(bytes int64, digest string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sent.bytes += bytes
	if digest != "" {
		u.sent.blobs[digest]++
	}
}

// take returns what was sent since the last call.
func (u *uploads) take() tally {
	u.mu.Lock()
	defer u.mu.Unlock()
	sent := u.sent
	u.sent = tally{blobs: map[string]int{}}
	return sent
}

func (u *uploads) close() error { return u.server.Close() }

// counted is a body that counts what is read of it.
type counted struct {
	io.ReadCloser
	read atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.read.Add(int64(n))
	return n, err
}
