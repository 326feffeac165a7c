package registry

import (
	"fmt"
	"net/http"
	"strings"
)

// homeTransport follows no redirect that has a tag of another registry written or deleted: there
// are registries that let everybody in who reaches them, such as those of a company's network.
type homeTransport struct{ next http.RoundTripper }

// awayError says that a registry redirected a write.
type awayError struct{ host string }

func (e *awayError) Error() string {
	return fmt.Sprintf("it redirects what is written to another registry, %s", e.host)
}

// RoundTrip implements http.RoundTripper.
func (t *homeTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	by := request.Response // set by net/http for what a redirect asks for
	if by == nil || by.Request == nil || canonicalHost(by.Request.URL.Host) == canonicalHost(request.URL.Host) || !writesTag(request) {
		return t.next.RoundTrip(request)
	}
	if request.Body != nil {
		_ = request.Body.Close()
	}
	return nil, &awayError{request.URL.Host}
}

// writesTag says that a request may change what a tag names.
func writesTag(request *http.Request) bool {
	switch request.Method {
	case http.MethodGet, http.MethodHead:
		return false
	case http.MethodDelete:
		return true
	}
	return strings.Contains(request.URL.Path, "/manifests/")
}
