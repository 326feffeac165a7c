package bench

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// uploads stands in front of a registry and counts the blobs that are sent to it.
type uploads struct {
	// Host is its address, "127.0.0.1:43210".
	Host string

	server *httptest.Server

	mu   sync.Mutex
	sent tally
}

// tally is what was sent.
type tally struct {
	bytes int64
	blobs map[string]int // how often, by digest
}

// repeated is how many uploads sent a blob that another had sent already.
func (t tally) repeated() int {
	n := 0
	for _, times := range t.blobs {
		n += times - 1
	}
	return n
}

// countUploads starts a counter in front of a registry. The caller closes it.
func countUploads(reg *testenv.Registry) *uploads {
	u := &uploads{sent: tally{blobs: map[string]int{}}}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: reg.Host})
	u.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isUpload(r) {
			var body counted
			body.ReadCloser, r.Body = r.Body, &body
			defer func() { u.count(body.read.Load(), r.URL.Query().Get("digest")) }()
		}
		proxy.ServeHTTP(w, r)
	}))
	u.Host = u.server.Listener.Addr().String()
	return u
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

func (u *uploads) close() { u.server.Close() }

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

func TestEachBlobOfAllVariantsIsUploadedOnce(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	on := parts{buildkit: testenv.SharedBuildKit(t), uploads: countUploads(testenv.SharedRegistry(t))}
	defer on.uploads.close()
	p := newProgram(t, "small", testenv.SmallService(t), "time.Second", "time.Second /* %s */")
	p.edit(t)
	var stderr bytes.Buffer
	if code := cli.Run(proctest.Context(t), append(on.arguments(p, "all"), p.dir), strings.NewReader(""), io.Discard, &stderr); code != cli.ExitOK {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	sent := on.uploads.take()
	for digest, times := range sent.blobs {
		if times > 1 {
			t.Errorf("the blob %s was uploaded %d times", digest, times)
		}
	}
	// The program, Delve, init, symbols and sources; a plan and a config for each variant.
	if want := 5 + 2*4; len(sent.blobs) < want {
		t.Errorf("%d blobs were uploaded, want at least %d", len(sent.blobs), want)
	}
}
