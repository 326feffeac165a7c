package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/proctest"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// trip is a network.
type trip func(*http.Request) *http.Response

func (t trip) RoundTrip(r *http.Request) (*http.Response, error) { return t(r), nil }

// TestALinkLeadsToNoNetworkOfItsReaderByAnotherWay: by the address of a name, a redirect, or a
// token server.
func TestALinkLeadsToNoNetworkOfItsReaderByAnotherWay(t *testing.T) {
	addresses := map[string]string{"inside.example": "10.0.0.7", "corp.example": "10.0.0.1"}
	for _, test := range []struct {
		from, to, answer string
		asks             string // what no link may ask
	}{
		{"registry.example", "evil.example/x", "", ""},
		{"registry.example", "evil.example/x", "https://100.100.100.200/latest/meta-data", ""}, // clouds'
		{"registry.example", "evil.example/x", "http://localhost:2375/", ""},
		{"registry.example", "evil.example/x", "https://inside.example/", ""},
		{"registry.example", "evil.example/x", `Bearer realm="https://inside.example/token",service="x"`, ""},
		{"registry.example", "inside.example/x", "", ""},
		{"corp.example", "inside.example/x", "", "inside.example"},
		{"corp.example:5000", "evil.example/x", "https://inside.example/", "inside.example"},
	} {
		var asked []string
		c := New()
		c.lookUp = func(_ context.Context, _, host string) ([]netip.Addr, error) {
			if a := addresses[host]; a != "" {
				return []netip.Addr{netip.MustParseAddr("93.184.216.34"), netip.MustParseAddr(a)}, nil
			}
			return nil, &net.DNSError{Err: "no such host", Name: host}
		}
		c.safe = trip(func(r *http.Request) *http.Response {
			w := httptest.NewRecorder()
			if !strings.HasPrefix(r.URL.Host, "evil") && !slices.Contains(asked, r.URL.Host) {
				asked = append(asked, r.URL.Host)
			}
			switch {
			case strings.HasPrefix(test.answer, "http") && strings.Contains(r.URL.Path, "/manifests/"):
				http.Redirect(w, r, test.answer, http.StatusTemporaryRedirect)
			case strings.HasPrefix(test.answer, "Bearer"):
				w.Header().Set("WWW-Authenticate", test.answer)
				w.WriteHeader(http.StatusUnauthorized)
			case strings.Contains(r.URL.Path, "/manifests/"):
				w.WriteHeader(http.StatusNotFound)
			}
			response := w.Result()
			response.Request = r
			return response
		})
		from := &session{client: c, ref: Reference{host: test.from, path: "team/app"}}
		at, err := from.at(test.to, "v1")
		if err != nil {
			t.Fatal(err)
		}
		_, err = at.read(proctest.Context(t), "v1", "")
		refused := new(insideError)
		if leads := test.answer != "" || test.to == "inside.example/x"; errors.As(err, &refused) != (leads && test.asks == "") {
			t.Errorf("%+v: got %v", test, err)
		}
		if strings.Join(asked, " ") != test.asks {
			t.Errorf("%+v: asked %q", test, asked)
		}
		if refused.host == "" {
			continue
		}
		if got := at.readFailure(err).Error(); !strings.Contains(got, "was not asked: it leads to "+refused.host) {
			t.Errorf("got %s", got)
		}
	}
}

// TestARegistryOfALinkThatAnswersWithoutEnd keeps each wait short.
func TestARegistryOfALinkThatAnswersWithoutEnd(t *testing.T) {
	s, strange := newServer(t), newServer(t)
	production := foreign(t, "amd64")
	digest := s.put("team/app:v1", production)
	subject, err := production.Digest()
	if err != nil {
		t.Fatal(err)
	}
	s.publish("v1-debug", "remote", "v1", derived(t, "remote", "amd64", ""))
	img, err := Link{
		ProductionTag: "v1", ProductionDigest: digest, DebugTag: "v1", DebugDigest: digest, Variant: "remote", Preset: "remote",
		DebugRepository: strange.in("x/y").Repository(),
	}.manifest(v1.Descriptor{MediaType: types.DockerManifestSchema2, Digest: subject})
	if err != nil {
		t.Fatal(err)
	}
	s.put("team/app:link", img)
	strange.answers(func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
		for range 2000 {
			_, err := fmt.Fprint(w, " ")
			if flusher, ok := w.(http.Flusher); ok && err == nil {
				flusher.Flush()
			}
			select {
			case <-r.Context().Done():
				return true
			case <-time.After(20 * time.Millisecond):
			}
		}
		return true
	})
	ctx, cancel := context.WithTimeout(proctest.Context(t), 20*time.Second)
	defer cancel()
	for _, named := range []string{"", digest} {
		list, err := New(fast, WithPatience(&patience.Patience{Limit: 500 * time.Millisecond})).List(ctx, s.in("team/app:v1"), named)
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Images) != 1 || len(list.Unread) != 1 || !strings.Contains(list.Unread[0].Error(), "did not answer in time") {
			t.Errorf("%q: got %v, unread %v", named, list.Images, list.Unread)
		}
	}
}
