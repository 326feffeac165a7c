package registry

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// resumedBody is an answer that is read as it comes: where the connection breaks, the rest
// is asked for. Whoever reads a layer compares its digest.
type resumedBody struct {
	transport *retryTransport
	request   *http.Request
	body      io.ReadCloser
	at        int64
	backoff   remote.Backoff
}

// newResumedBody is the body of an answer to a request. It is that body alone where a part
// of it cannot be asked for.
func newResumedBody(t *retryTransport, request *http.Request, response *http.Response) io.ReadCloser {
	if response.Uncompressed || response.StatusCode != http.StatusOK || request.Header.Get("Range") != "" {
		return response.Body
	}
	return &resumedBody{transport: t, request: request, body: response.Body, backoff: t.backoff}
}

// Read implements io.Reader.
func (b *resumedBody) Read(p []byte) (int, error) {
	for {
		n, err := b.body.Read(p)
		b.at += int64(n)
		if n > 0 {
			b.backoff = b.transport.backoff // it goes on
			if err != nil && isBroken(err) {
				err = nil // the next call has it again
			}
			return n, err
		}
		if err == nil || err == io.EOF || !isBroken(err) || b.backoff.Steps <= 1 { //nolint:errorlint // the end is io.EOF itself
			return n, err
		}
		ctx := b.request.Context()
		if b.transport.patience.Rest(ctx, b.backoff.Step(), failedBriefly(b.request.URL.Host, nil)) != nil || !b.resume() {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return 0, err
		}
	}
}

// resume asks for the rest. It is false where there is no use in asking again.
func (b *resumedBody) resume() bool {
	one := b.request.Clone(b.request.Context())
	one.Header.Set("Range", fmt.Sprintf("bytes=%d-", b.at))
	response, err := b.transport.next.RoundTrip(one)
	if err != nil {
		return isBroken(err)
	}
	switch {
	case response.StatusCode == http.StatusPartialContent && strings.HasPrefix(response.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", b.at)):
	case response.StatusCode == http.StatusOK && strings.Contains(b.request.URL.Path, "/blobs/"): // all of it again
		if _, err := io.CopyN(io.Discard, response.Body, b.at); err != nil {
			_ = response.Body.Close()
			return isBroken(err)
		}
	default:
		_ = response.Body.Close()
		return inPassing(response, nil)
	}
	_ = b.body.Close()
	b.body = response.Body
	return true
}

// Close implements io.Closer.
func (b *resumedBody) Close() error { return b.body.Close() }
