package registry

import (
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// patientTransport bounds every attempt to speak to a registry: the time from the last of
// what is sent until the header of the answer is there, and each wait for more of its body.
type patientTransport struct {
	next     http.RoundTripper
	patience *patience.Patience
}

// newTransport is go-containerregistry's transport with bounds, which sends again what failed
// in passing. A nil config is the default's.
func newTransport(p *patience.Patience, backoff remote.Backoff, config *tls.Config) http.RoundTripper {
	base, ok := remote.DefaultTransport.(*http.Transport)
	if !ok {
		base = &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	t := base.Clone()
	if config != nil {
		t.TLSClientConfig = config
	}
	// The patience ends a handshake first, with a better error: this only ends what goes
	// on behind it.
	t.TLSHandshakeTimeout = time.Minute
	return &homeTransport{&conditionalTransport{&retryTransport{&patientTransport{next: t, patience: p}, p, backoff}}}
}

// RoundTrip implements http.RoundTripper.
func (t *patientTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, wait := t.patience.Begin(request.Context(), request.URL.Host)
	request = request.WithContext(ctx)
	sent := &sentBody{ReadCloser: request.Body, wait: wait}
	if request.Body != nil && request.Body != http.NoBody {
		request.Body = sent
	}
	response, err := t.next.RoundTrip(request)
	sent.answered()
	if err != nil {
		wait.End()
		return nil, wait.Explain(err)
	}
	wait.Pause()
	response.Body = &patientBody{body: response.Body, wait: wait, left: mostOf(request.URL.Path)}
	return response, nil
}

var errTooLarge = errors.New("its answer is too large")

// mostOf is how many bytes an answer may have that is kept in memory. Blobs have the size that
// their manifest says, which whoever reads them heeds.
func mostOf(path string) int64 {
	switch {
	case strings.HasSuffix(path, "/tags/list"):
		return 64 << 20
	case strings.Contains(path, "/blobs/"):
		return math.MaxInt64
	case strings.Contains(path, "/manifests/"), strings.Contains(path, "/referrers/"):
		return 8 << 20 // that is containerd's limit too
	}
	return math.MaxInt64
}

// sentBody is the body of a request. Each part of it that the registry takes starts the
// clock anew.
type sentBody struct {
	io.ReadCloser
	wait *patience.Wait

	mu   sync.Mutex
	over bool
}

// Read implements io.Reader.
func (b *sentBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	if !b.over {
		b.wait.Resume()
	}
	b.mu.Unlock()
	return b.ReadCloser.Read(p)
}

// answered leaves the clock alone from now on.
func (b *sentBody) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}

// patientBody is the body of an answer; the clock stands still while nobody reads.
type patientBody struct {
	body io.ReadCloser
	wait *patience.Wait
	left int64
}

// Read implements io.Reader.
func (b *patientBody) Read(p []byte) (int, error) {
	b.wait.Resume()
	n, err := b.body.Read(p)
	b.wait.Pause()
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.wait.Explain(err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *patientBody) Close() error {
	err := b.body.Close()
	b.wait.End()
	return err
}
