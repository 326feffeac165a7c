//go:build !race

// BuildKit resolves several base images at once, and writes one field from each
// (frontend/dockerfile/builder/resolvecache.go:30, v0.34.2).

package frontend_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/internal/tools"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
)

// What a pattern of the context matches is known without building.
func TestReadyMadeProgramsAreFoundByTheirPatterns(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	bk := testenv.SharedBuildKit(t)
	service := testenv.Service(t, "prebuilt")
	buildStripped(t, service)
	for _, file := range []string{"dist/linux_amd64/server-v1", "dist/linux_amd64/server-v2"} {
		if err := os.MkdirAll(filepath.Join(service, filepath.Dir(file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(filepath.Join(service, "bin", "server"), filepath.Join(service, file)); err != nil {
			t.Fatal(err)
		}
	}
	const hint = "add --rebuild to compile it from the build context, which has its module"
	rebuild := variant("remote")
	rebuild.Rebuild = "auto"
	for lines, from := range map[string]string{
		"FROM scratch\nCOPY dist/linux_*/server-* /server\n":                                                            "/dist/linux_amd64/server-v2",
		"FROM debian:bookworm-slim\nCOPY dist/linux_*/ser[v]er-* /server\n":                                             "/dist/linux_amd64/server-v2",
		"FROM scratch\nADD dist/linux_*/server-* /server\n":                                                             "/dist/linux_amd64/server-v2",
		"FROM scratch AS files\nCOPY dist/ /dist/\nFROM scratch\nCOPY --from=files /dist/*/server-v* /server\n":         "/dist/linux_amd64/server-v2",
		"FROM scratch AS files\nADD dist/linux_*/server-* /dist/\nFROM scratch\nCOPY --from=files /dist/*-v2 /server\n": "/dist",
	} {
		t.Run(lines, func(t *testing.T) {
			ctx := deadline(t)
			if err := os.WriteFile(filepath.Join(service, "Dockerfile"), []byte(lines+"CMD [\"/server\"]\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			d := derivation{service: service, options: variant("remote")}
			said := explain(ctx, t, bk, d)
			if !strings.Contains(said.Refusal, "; it is copied as a finished binary from the build context, "+from+" (") || !strings.Contains(said.Refusal, hint) {
				t.Errorf("explain says %q", said.Refusal)
			}
			if _, err := tryDerive(ctx, t, bk, d); err == nil || !strings.Contains(err.Error(), hint) {
				t.Errorf("the build says %v", err)
			}
			d.options = rebuild
			if e := explain(ctx, t, bk, d); e.Refusal != "" || e.Rebuilt == nil || e.Entry != "cmd" {
				t.Errorf("with --rebuild: %+v", e)
			}
		})
	}
}

// explain is what the frontend says of a derivation without building.
func explain(ctx context.Context, t *testing.T, bk *testenv.BuildKit, d derivation) derive.Explanation {
	t.Helper()
	e, err := tryExplain(ctx, bk, d)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// tryExplain is explain of a derivation that there may be nothing to say of.
func tryExplain(ctx context.Context, bk *testenv.BuildKit, d derivation) (derive.Explanation, error) {
	var e derive.Explanation
	var meta map[string][]byte
	carried, err := tools.Embedded()
	if err != nil {
		return e, err
	}
	f := frontend.New(frontend.Config{Tools: frontend.LocalTools(carried.Names), Version: "test"})
	build := func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := f.Explain(ctx, c)
		if err == nil {
			meta = res.Metadata
		}
		return gateway.NewResult(), err
	}
	if d.wrap != nil {
		build = d.wrap(build)
	}
	attrs := frontend.Attrs(d.options)
	maps.Copy(attrs, d.attrs)
	_, err = bk.Solve(ctx, testenv.Solve{Context: d.service, Dockerfile: d.dockerfile, Attrs: attrs, Build: build})
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(meta[frontend.MetaExplanation], &e)
}
