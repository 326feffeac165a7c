package registry

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const label = "io.github.dlvgen.version"

// server is a registry in this process, in front of which tests put answers of their own.
type server struct {
	*httptest.Server
	t *testing.T

	byDigestOnly bool // it deletes no tags

	mu     sync.Mutex
	answer func(http.ResponseWriter, *http.Request) bool // true: answered
	puts   []string                                      // what was written to manifests
	agents []string
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := newUnstarted(t)
	s.Start()
	return s
}

// onRegistries runs a test against registries with the referrers API and without it, and
// against those that are widely used, which have none.
func onRegistries(t *testing.T, test func(t *testing.T, s *server)) {
	t.Helper()
	for name, has := range map[string]bool{"referrers API": true, "no referrers API": false} {
		t.Run(name, func(t *testing.T) {
			s := newUnstarted(t, registry.WithReferrersSupport(has))
			s.Start()
			test(t, s)
		})
	}
	for _, d := range []testenv.Distribution{testenv.Distribution2, testenv.Distribution3} {
		t.Run(d.String(), func(t *testing.T) {
			s := newDistribution(t, d, testenv.DistributionOptions{})
			s.byDigestOnly = d == testenv.Distribution2
			test(t, s)
		})
	}
}

// newDistribution is a server in front of Distribution's.
func newDistribution(t *testing.T, d testenv.Distribution, options testenv.DistributionOptions) *server {
	t.Helper()
	host := d.Start(t, options)
	s := newBefore(t, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: host})
		r.Out.Host = r.In.Host
	}})
	s.Start()
	return s
}

// newTLSServer is a server whose certificate cannot be verified.
func newTLSServer(t *testing.T) *server {
	t.Helper()
	s := newUnstarted(t)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	return s
}

func newUnstarted(t *testing.T, options ...registry.Option) *server {
	t.Helper()
	return newBefore(t, registry.New(append(options, registry.Logger(log.New(io.Discard, "", 0)))...))
}

// newBefore is a server that hands requests on.
func newBefore(t *testing.T, inner http.Handler) *server {
	t.Helper()
	s := &server{t: t}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		answer := s.answer
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
			s.puts = append(s.puts, r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
		}
		s.agents = append(s.agents, r.UserAgent())
		s.mu.Unlock()
		if answer == nil || !answer(w, r) {
			inner.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// answers makes the server answer itself from now on, and forgets what was written before.
func (s *server) answers(f func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer, s.puts = f, nil
}

// lacks makes what ends with that digest absent.
func (s *server) lacks(digest string) {
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, digest) {
			return false
		}
		http.NotFound(w, r)
		return true
	})
}

func (s *server) written() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.puts)
}

// ref is a tag of the repository team/app on the server.
func (s *server) ref(tag string) Reference {
	s.t.Helper()
	ref, err := Parse(s.Listener.Addr().String() + "/team/app:" + tag)
	if err != nil {
		s.t.Fatal(err)
	}
	return ref
}

// transport trusts the server.
func (s *server) transport() remote.Option { return remote.WithTransport(s.Client().Transport) }

func (s *server) name(ref Reference) name.Tag {
	s.t.Helper()
	repo, err := ref.repository(false)
	if err != nil {
		s.t.Fatal(err)
	}
	return repo.Tag(ref.Tag())
}

// push pushes an image or index to a tag.
func (s *server) push(tag string, what remote.Taggable) {
	s.t.Helper()
	if err := remote.Push(s.name(s.ref(tag)), what, s.transport()); err != nil {
		s.t.Fatal(err)
	}
}

// resolve returns the digest that a tag names, "" for none.
func (s *server) resolve(tag string) string {
	s.t.Helper()
	desc, err := remote.Get(s.name(s.ref(tag)), s.transport())
	if isAbsent(err) {
		return ""
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return desc.Digest.String()
}

// fast retries as the default does, but without its waits.
func fast(c *Client) { c.backoff = remote.Backoff{Duration: time.Millisecond, Factor: 1, Steps: 3} }

func newImage(t *testing.T, arch string, labels map[string]string) v1.Image {
	t.Helper()
	img, err := random.Image(64, 2)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	config.Config.Labels = labels
	img, err = mutate.ConfigFile(img, config)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// ours is an image that dlvgen made, foreign one that it did not.
func ours(t *testing.T, arch string) v1.Image {
	return newImage(t, arch, map[string]string{label: "1.0.0", "variant": arch})
}

func foreign(t *testing.T, arch string) v1.Image {
	return newImage(t, arch, map[string]string{"maintainer": "somebody"})
}

// newIndex makes an index as BuildKit does: the images, and an attestation.
func newIndex(t *testing.T, images ...v1.Image) v1.ImageIndex {
	t.Helper()
	index, err := random.Index(1, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	index = mutate.IndexMediaType(index, types.OCIImageIndex)
	for _, img := range images {
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: img, Descriptor: v1.Descriptor{Platform: config.Platform()},
		})
	}
	return mutate.AppendManifests(index, mutate.IndexAddendum{
		Add: foreign(t, "unknown"),
		Descriptor: v1.Descriptor{
			Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
			Annotations: map[string]string{attestationKey: attestationValue},
		},
	})
}

type digester interface{ Digest() (v1.Hash, error) }

func digestOf(t *testing.T, what digester) string {
	t.Helper()
	hash, err := what.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return hash.String()
}

func newLayer(t *testing.T, size int64) v1.Layer {
	t.Helper()
	layer, err := random.Layer(size, types.DockerLayer)
	if err != nil {
		t.Fatal(err)
	}
	return layer
}
