package registry

import "net/http"

// rewindingTransport sends a request's body from its beginning also when the request comes a
// second time: go-containerregistry repeats one whose token has expired, with what the first
// time left of the body.
type rewindingTransport struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t rewindingTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body == nil || request.Body == http.NoBody || request.GetBody == nil {
		return t.next.RoundTrip(request)
	}
	_ = request.Body.Close()
	body, err := request.GetBody()
	if err != nil {
		return nil, err
	}
	request = request.WithContext(request.Context())
	request.Body = body
	return t.next.RoundTrip(request)
}
