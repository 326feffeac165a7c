package registry

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
)

// outsideTransport speaks to registries that only links name, which anybody may have pushed. None
// of them leads to this machine or its network, neither by what its name stands for nor by a
// redirect or its token server, unless the registry that has the link is there itself.
type outsideTransport struct {
	next   http.RoundTripper
	from   string // the registry that has the link
	lookUp lookUp
}

// lookUp is [net.Resolver.LookupNetIP].
type lookUp func(ctx context.Context, network, host string) ([]netip.Addr, error)

// insideError says that a registry leads to where no link may lead.
type insideError struct{ host string }

func (e *insideError) Error() string {
	return fmt.Sprintf("it leads to %s, in a private network, and is named by a link only", e.host)
}

// RoundTrip implements http.RoundTripper.
func (t *outsideTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, host := request.Context(), request.URL.Host
	if t.isInside(ctx, host) && !t.isInside(ctx, t.from) {
		if request.Body != nil {
			_ = request.Body.Close()
		}
		return nil, &insideError{host}
	}
	return t.next.RoundTrip(request)
}

// isInside says that a host is, or has, an address of this machine or its network. What only a
// proxy can look up is none.
func (t *outsideTransport) isInside(ctx context.Context, host string) bool {
	if isInternal(host) {
		return true
	}
	addresses, err := t.lookUp(ctx, "ip", withoutPort(host))
	return err == nil && slices.ContainsFunc(addresses, isInternalAddress)
}
