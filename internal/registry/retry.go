package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// defaultBackoff tries three times, and waits for one second, then for three.
var defaultBackoff = remote.Backoff{Duration: time.Second, Factor: 3, Jitter: 0.1, Steps: 3}

const (
	// maxAsked bounds how often a registry may ask for a request again.
	maxAsked = 10

	// maxSmall is the size of an answer that is read before it is handed on, of those that
	// may be a layer.
	maxSmall = 64 << 10
)

// passing are the statuses of failures that may be over soon.
var passing = []int{
	http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
	http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	499, // nginx: the client has gone
	522, // Cloudflare: no connection
}

// retryTransport sends a request again that failed in passing: the connection broke, before
// the answer or in the middle of it, or the registry says so, and maybe when to come again.
// A part of an upload is not sent again by itself: go-containerregistry begins the upload
// anew, where [uploadsAgain] lets it.
type retryTransport struct {
	next     http.RoundTripper
	patience *patience.Patience
	backoff  remote.Backoff
}

// spentError is the failure of a request that was sent as often as it may be.
type spentError struct{ err error }

func (e *spentError) Error() string { return e.err.Error() }
func (e *spentError) Unwrap() error { return e.err }

// laterError says that a registry wants to be left alone for longer than is waited for.
type laterError struct {
	status int
	after  time.Duration
}

func (e *laterError) Error() string {
	return fmt.Sprintf("%d %s: to be tried again in %s", e.status, http.StatusText(e.status), e.after)
}

// RoundTrip implements http.RoundTripper.
func (t *retryTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	backoff, left, asked := t.backoff, t.patience.Most(), 0
	part := isPart(request)
	for {
		response, err := t.once(request)
		if request.Context().Err() != nil || !inPassing(response, err) {
			return response, err
		}
		wait, given := retryAfter(response)
		switch {
		case given && wait > left:
			return nil, &laterError{response.StatusCode, wait.Round(time.Second)}
		case given:
			left -= wait
			asked++
		case part:
			return response, err
		case backoff.Steps > 1:
			wait = backoff.Step()
		default:
			asked = maxAsked
		}
		if asked == maxAsked {
			return response, spent(err)
		}
		if err := t.patience.Rest(request.Context(), wait, failedBriefly(request.URL.Host, response)); err != nil {
			return nil, err
		}
		if part {
			return response, err // the upload begins anew when it is time
		}
	}
}

func spent(err error) error {
	if err == nil {
		return nil
	}
	return &spentError{err}
}

// once sends a request, with its body from the begin, and reads the answer, if it is no
// layer.
func (t *retryTransport) once(request *http.Request) (*http.Response, error) {
	one := request
	if request.Body != nil && request.Body != http.NoBody && request.GetBody != nil {
		// Who asks again for a login has sent the body before.
		body, err := request.GetBody()
		_ = request.Body.Close()
		if err != nil {
			return nil, err
		}
		one = request.WithContext(request.Context())
		one.Body = body
	}
	response, err := t.next.RoundTrip(one)
	if err != nil {
		return nil, err
	}
	if request.Method == http.MethodHead {
		return absentIfOther(request, response), nil
	}
	if mayBeLayer(request, response) {
		response.Body = newResumedBody(t, request, response)
		return response, nil
	}
	return whole(request, response)
}

// absentIfOther makes a manifest absent that is not what its digest says, so that it is pushed
// again: some registries keep what came of a manifest when the connection broke.
func absentIfOther(request *http.Request, response *http.Response) *http.Response {
	_, asked, _ := strings.Cut(request.URL.Path, "/manifests/")
	has := response.Header.Get("Docker-Content-Digest")
	if response.StatusCode == http.StatusOK && isDigest(asked) && has != "" && has != asked {
		response.StatusCode, response.Status = http.StatusNotFound, "404 Not Found"
	}
	return response
}

// mayBeLayer says that an answer is read as it comes.
func mayBeLayer(request *http.Request, response *http.Response) bool {
	return request.Method == http.MethodGet && response.StatusCode < 300 && mostOf(request.URL.Path) > 64<<20 &&
		(response.ContentLength < 0 || response.ContentLength > maxSmall)
}

// whole reads an answer. Where the status says all, it need not be complete.
func whole(request *http.Request, response *http.Response) (*http.Response, error) {
	var from io.Reader = response.Body
	counts := request.Method == http.MethodGet && response.StatusCode < http.StatusMultipleChoices
	if !counts {
		from = io.LimitReader(from, maxSmall-1) // go-containerregistry takes no more
	}
	text, err := io.ReadAll(from)
	_ = response.Body.Close()
	if err != nil && counts {
		return nil, err
	}
	if response.StatusCode >= http.StatusBadRequest {
		text = withoutSecrets(request, text)
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return response, nil
}

// isPart says that a request continues an upload, and is of no use without those before it.
func isPart(request *http.Request) bool {
	again := request.Body == nil || request.Body == http.NoBody || request.GetBody != nil
	return request.Method == http.MethodPatch || !again ||
		request.Method == http.MethodPut && !strings.Contains(request.URL.Path, "/manifests/")
}

// inPassing says that the same request may have a better answer soon.
func inPassing(response *http.Response, err error) bool {
	if err != nil {
		return isBroken(err)
	}
	return slices.Contains(passing, response.StatusCode)
}

// isBroken says that a connection ended when it should not have.
func isBroken(err error) bool {
	var silent *patience.SilentError
	var temporary interface{ Temporary() bool }
	switch {
	case errors.As(err, &silent), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.As(err, &temporary) && temporary.Temporary():
		return true
	}
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.EPIPE, syscall.ECONNRESET, syscall.ECONNABORTED, net.ErrClosed} {
		if errors.Is(err, end) {
			return true
		}
	}
	// net/http does not export these.
	return slices.ContainsFunc([]string{"server closed idle connection", "client connection lost", "transport connection broken", "server sent GOAWAY", "stream error:"},
		func(part string) bool { return strings.Contains(err.Error(), part) })
}

// retryAfter is how long a registry wants to be left alone, false where it does not say.
func retryAfter(response *http.Response) (time.Duration, bool) {
	if response == nil {
		return 0, false
	}
	value := response.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	now, err := http.ParseTime(response.Header.Get("Date")) // its clock, and maybe not ours
	if err != nil {
		now = time.Now()
	}
	return max(date.Sub(now), 0), true
}

// failedBriefly says why a request is sent again.
func failedBriefly(host string, response *http.Response) string {
	switch {
	case response == nil:
		return fmt.Sprintf("registry %s broke the connection", host)
	case response.StatusCode == http.StatusTooManyRequests:
		return fmt.Sprintf("registry %s limits the rate of requests", host)
	}
	return strings.TrimSpace(fmt.Sprintf("registry %s failed (%d %s", host, response.StatusCode, http.StatusText(response.StatusCode))) + ")"
}

// uploadsAgain says to go-containerregistry that an upload which failed may be begun anew.
func uploadsAgain(err error) bool {
	var status *transport.Error
	var spent *spentError
	switch {
	case errors.As(err, &status):
		return status.Request != nil && isPart(status.Request) && (status.Temporary() || slices.Contains(passing, status.StatusCode))
	case err == nil, errors.As(err, &spent):
		return false
	}
	return isBroken(err)
}
