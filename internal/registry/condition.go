package registry

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// state is what a tag names.
type state struct {
	digest string             // "" where the tag is absent
	etag   string             // the registry's own word for it, "" where it has none
	image  *remote.Descriptor // nil where the tag is absent
}

// condition says of a request for a manifest what go-containerregistry does not: it carries
// the condition of a write to the registry, and the ETag of what is read back.
type condition struct {
	write  bool
	before state
	etag   string
}

type conditionKey struct{}

// conditionalTransport heeds the [condition] of a request's context (proposed for the
// distribution-spec, opencontainers/distribution-spec#250). Registries that do not know it
// write as ever.
type conditionalTransport struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t *conditionalTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	c, ok := request.Context().Value(conditionKey{}).(*condition)
	if !ok || !strings.Contains(request.URL.Path, "/manifests/") {
		return t.next.RoundTrip(request)
	}
	if c.write && request.Method == http.MethodPut {
		request = request.Clone(request.Context())
		switch {
		case c.before.digest == "":
			request.Header.Set("If-None-Match", "*")
		case c.before.etag != "":
			request.Header.Set("If-Match", c.before.etag)
		}
	}
	response, err := t.next.RoundTrip(request)
	// A weak ETag, which proxies make, matches nothing.
	if err == nil && request.Method == http.MethodGet && strings.HasPrefix(response.Header.Get("ETag"), `"`) {
		c.etag = response.Header.Get("ETag")
	}
	return response, err
}

// state reads what the session's tag names.
func (s *session) state(ctx context.Context) (state, error) {
	c := &condition{}
	top, err := s.puller.Get(context.WithValue(ctx, conditionKey{}, c), s.repo.Tag(s.ref.tag))
	if isAbsent(err) {
		return state{}, nil
	}
	if err != nil {
		return state{}, err
	}
	return state{digest: top.Digest.String(), etag: c.etag, image: top}, nil
}

// put writes the session's tag, if it still names what it did: registries that know no
// conditions write it in any case. The error is an errChanged where it does not.
func (s *session) put(ctx context.Context, what remote.Taggable, before state) error {
	tag := s.repo.Tag(s.ref.tag)
	err := s.pusher.Put(context.WithValue(ctx, conditionKey{}, &condition{write: true, before: before}), tag, what)
	if !refusesCondition(err) {
		return err
	}
	now, readErr := s.state(ctx)
	if readErr != nil {
		return readErr
	}
	if now.digest != before.digest {
		return &changedError{now}
	}
	return s.pusher.Put(ctx, tag, what) // it meant something else
}

// changedError says that a tag names something else than it did.
type changedError struct{ now state }

func (e *changedError) Error() string { return "the tag has changed meanwhile" }

// refusesCondition says that a write failed for its condition. Harbor has the same status for
// a tag that never changes.
func refusesCondition(err error) bool {
	var status *transport.Error
	return errors.As(err, &status) && slices.Contains([]int{http.StatusPreconditionFailed, http.StatusNotModified, http.StatusNotImplemented}, status.StatusCode) && !isImmutable(status)
}
