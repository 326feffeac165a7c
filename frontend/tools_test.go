package frontend_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/google/go-containerregistry/pkg/v1/empty"
)

// TestToolsAreThoseOfTheFrontendThatRuns loads the frontend by names that lead
// somewhere else once it runs.
func TestToolsAreThoseOfTheFrontendThatRuns(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	image := testenv.FrontendImage(t)
	build := func(t *testing.T, attrs map[string]string) {
		t.Helper()
		attrs["build-arg:DLVGEN_VARIANT"] = "remote"
		solved, err := bk.Solve(deadline(t), testenv.Solve{Context: testenv.Service(t, "hello"), Frontend: "gateway.v0", Attrs: attrs})
		if err != nil {
			t.Fatalf("%v\n%s", err, solved)
		}
	}

	t.Run("tag that moves", func(t *testing.T) {
		if _, err := reg.Push(t.Context(), "dlvgen/dlvgen:later", empty.Image); err != nil {
			t.Fatal(err)
		}
		server, asked := movingTag(t, reg, "moving", "test", "later")
		build(t, map[string]string{"source": server + "/dlvgen/dlvgen:moving"})
		if asked.Load() == 0 {
			t.Error("the tag was not asked for")
		}
	})
	t.Run("named context", func(t *testing.T) {
		build(t, map[string]string{
			"source":                        "dlvgen/dlvgen:nowhere",
			"context:dlvgen/dlvgen:nowhere": "docker-image://" + image,
		})
	})
}

// movingTag serves a registry in which a tag of dlvgen/dlvgen is what another one is
// when it is first asked for, and a third one from then on. It counts how often the
// tag is asked for.
func movingTag(t *testing.T, reg *testenv.Registry, tag, first, then string) (host string, asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: reg.Host})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if repository, ok := strings.CutSuffix(r.URL.Path, "/manifests/"+tag); ok {
			to := then
			if asked.Add(1) == 1 {
				to = first
			}
			r.URL.Path = repository + "/manifests/" + to
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), asked
}
