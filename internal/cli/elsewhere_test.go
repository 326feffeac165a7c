//go:build !race

// The Go module's production image has a base image of its own: see gomodule_test.go.

package cli_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// separate is a registry whose repositories know their own blobs only, as most do.
type separate struct {
	host string

	mu      sync.Mutex
	has     map[string]bool // "REPOSITORY@DIGEST"
	mounted []string        // "FROM -> REPOSITORY@DIGEST"
	sent    []string        // "REPOSITORY@DIGEST"
}

var blobPath = regexp.MustCompile(`^/v2/(.+)/blobs/(sha256:[0-9a-f]+|uploads/.*)$`)

func newSeparate(t *testing.T, reg *testenv.Registry) *separate {
	t.Helper()
	s := &separate{has: map[string]bool{}}
	behind := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: reg.Host}) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.answer(w, r) {
			behind.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	s.host = server.Listener.Addr().String()
	return s
}

// answer answers for blobs that a repository lacks, and mounts those of another one.
func (s *separate) answer(w http.ResponseWriter, r *http.Request) bool {
	found := blobPath.FindStringSubmatch(r.URL.Path)
	if found == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	repository, query := found[1], r.URL.Query()
	switch from, mount := query.Get("from"), query.Get("mount"); {
	case r.Method == http.MethodHead && !s.has[repository+"@"+found[2]]:
		w.WriteHeader(http.StatusNotFound)
		return true
	case r.Method == http.MethodPost && mount != "" && s.has[from+"@"+mount]:
		s.has[repository+"@"+mount] = true
		s.mounted = append(s.mounted, from+" -> "+repository+"@"+mount)
		w.Header().Set("Location", "/v2/"+repository+"/blobs/"+mount)
		w.Header().Set("Docker-Content-Digest", mount)
		w.WriteHeader(http.StatusCreated)
		return true
	case r.Method == http.MethodPut && query.Get("digest") != "":
		s.has[repository+"@"+query.Get("digest")] = true
		s.sent = append(s.sent, repository+"@"+query.Get("digest"))
	}
	return false
}

// TestDebugImagesGoToAnotherRepository follows one from the build to its deletion. BuildKit mounts
// what it pushed to production's repository before: of several in one registry, that whose name
// is most like the other one's, and hosts count without their ports.
func TestDebugImagesGoToAnotherRepository(t *testing.T) {
	reg := needBuildKit(t)
	s := newSeparate(t, reg)
	t.Setenv("DLVGEN_TEST_VERSION", greetingsVersion)
	one, other := s.host+"/elsewhere/app:v1", reg.Ref("far/other:v2")
	printed := mustBuild(t, "-t", one, "-t", other, "--variant", "production,remote", "--tag-suffix", "remote={repository}-debug:{tag}-{variant}", "--push", writeGreetings(t))
	debug := []string{s.host + "/elsewhere/app-debug:v1-remote", reg.Ref("far/other-debug:v2-remote")}
	digest := digestOf(t, reg, "elsewhere/app-debug:v1-remote")
	if want := []string{debug[0] + "@" + digest, debug[1] + "@" + digest}; len(printed) != 4 || !slices.Equal(printed[2:], want) {
		t.Errorf("printed %q, want %q at the end", printed, want)
	}
	production, debugged := layersIn(t, reg, "elsewhere/app:v1"), layersIn(t, reg, "elsewhere/app-debug:v1-remote")
	shared := 0
	for _, layer := range production {
		if !slices.Contains(debugged, layer) {
			continue
		}
		shared++
		// Either is pushed first.
		app, theirs := "elsewhere/app", "elsewhere/app-debug"
		if slices.Contains(s.sent, theirs+"@"+layer) {
			app, theirs = theirs, app
		}
		if want := app + " -> " + theirs + "@" + layer; !slices.Contains(s.mounted, want) || slices.Contains(s.sent, theirs+"@"+layer) {
			t.Errorf("layer %s was not mounted: mounted %q, sent %q", layer, s.mounted, s.sent)
		}
	}
	if shared == 0 {
		t.Errorf("production %q and the debug image %q share no layer", production, debugged)
	}

	for _, image := range []string{one, debug[0]} {
		r := mustCall(t, "ls", image)
		if !regexp.MustCompile(`(?m)^production +v1 .*\n(?:.*\n)*remote +`+regexp.QuoteMeta(debug[0])+` .* current$`).MatchString(r.stdout) || r.stderr != "" {
			t.Errorf("ls %s:\n%s%s", image, r.stdout, r.stderr)
		}
	}
	if r := mustCall(t, "attach", debug[0], "--production", other); !strings.Contains(r.stdout, " "+other+"@"+digestOf(t, reg, "far/other:v2")) {
		t.Errorf("attached: %q", r.stdout)
	}
	if r := mustCall(t, "prune", reg.Ref("far/other-debug")); !strings.Contains(r.stderr, "nothing to delete") {
		t.Errorf("prune:\n%s%s", r.stdout, r.stderr)
	}
	pushForeign(t, reg, "far/other:v2")
	r := mustCall(t, "prune", reg.Ref("far/other-debug"), "--yes", "--format", "json")
	if !strings.Contains(r.stdout, `"repository": "`+strings.TrimSuffix(other, ":v2")+`"`) || !strings.Contains(r.stdout, `"deleted": true`) || digestOf(t, reg, "far/other-debug:v2-remote") != "" {
		t.Errorf("prune:\n%s%s", r.stdout, r.stderr)
	}
	if r := call(t, "attach", debug[0], "--production", "app:"); r.code != cli.ExitUsage {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}

func layersIn(t *testing.T, reg *testenv.Registry, image string) (digests []string) {
	t.Helper()
	img, err := reg.Image(proctest.Context(t), image)
	if err != nil {
		t.Fatal(err)
	}
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range m.Layers {
		digests = append(digests, layer.Digest.String())
	}
	return digests
}
