//go:build !race

// See breakpoint_test.go for why.

package frontend_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/moby/buildkit/client"
)

// cachedMark is what the step of a cachedService prints when it runs: a step whose result comes
// from a cache elsewhere is not always reported as cached.
const cachedMark = "compiles-now"

// cachedService is a service that no builder has built. It compiles in a moment.
func cachedService(t *testing.T) string {
	t.Helper()
	return writeService(t, `
-- go.mod --
module example.com/cached

go 1.26
-- main.go --
package main

func main() { println("`+rand.Text()+`") }
-- Dockerfile --
FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN echo `+cachedMark+` && CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /server .
FROM scratch
COPY --from=build /server /server
ENTRYPOINT ["/server"]
`)
}

// TestCachesOfEveryType has one builder export what it built, and another take it from there.
func TestCachesOfEveryType(t *testing.T) {
	t.Parallel()
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	reg, syntax := testenv.SharedRegistry(t), testenv.FrontendImage(t)
	dir := t.TempDir()
	type entries = []client.CacheOptionsEntry
	for _, tc := range []struct {
		kind     string
		to, from map[string]string
		compiles bool // again, where the cache has the layers of the image alone
	}{
		{"registry", map[string]string{"mode": "max", "ref": reg.Ref("life/cache:v1")}, map[string]string{"ref": reg.Ref("life/cache:v1")}, false},
		{"local", map[string]string{"mode": "max", "dest": dir}, map[string]string{"src": dir}, false},
		{"inline", map[string]string{}, map[string]string{"ref": reg.Ref("life/cached:inline")}, true},
	} {
		service := cachedService(t)
		s := testenv.Solve{
			Context: service, Push: reg.Ref("life/cached:" + tc.kind), CacheTo: entries{{Type: tc.kind, Attrs: tc.to}},
			Attrs: map[string]string{"build-arg:BUILDKIT_SYNTAX": syntax, "build-arg:DLVGEN_VARIANT": "remote"},
		}
		first, err := testenv.SharedBuildKit(t).Solve(ctx, s)
		if err != nil {
			t.Fatalf("%s: %v\n%s", tc.kind, err, first)
		}
		from := tc.kind
		if from == "inline" {
			from = "registry"
		}
		s.CacheTo, s.CacheFrom = nil, entries{{Type: from, Attrs: tc.from}}
		second, err := testenv.AnotherBuildKit(t).Solve(ctx, s)
		if err != nil {
			t.Fatalf("%s: %v\n%s", tc.kind, err, second)
		}
		if !strings.Contains(first.Log, cachedMark) {
			t.Errorf("%s: the step did not run at first:\n%s", tc.kind, first)
		}
		if ran := strings.Contains(second.Log, cachedMark); ran != tc.compiles {
			t.Errorf("%s: with the cache, the step ran: %t\n%s", tc.kind, ran, second)
		}
	}
}
