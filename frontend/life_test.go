//go:build !race

// See breakpoint_test.go for why.

package frontend_test

import (
	"crypto/rand"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/moby/buildkit/client"
)

// writeDockerfile replaces that of a service.
func writeDockerfile(t *testing.T, service string, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(service, "Dockerfile"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func dockerfileOf(t *testing.T, service string) string {
	t.Helper()
	dt, err := os.ReadFile(filepath.Join(service, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	return string(dt)
}

// variantOf is the label of a pushed image, "" for production.
func variantOf(t *testing.T, reg *testenv.Registry, image string) string {
	t.Helper()
	img, err := reg.Image(deadline(t), image)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return config.Config.Labels[variants.LabelVariant]
}

// TestSyntaxLinesAndBuildArgsMeet has the Dockerfile name one frontend and the command line
// another, which counts alone, with its own options.
func TestSyntaxLinesAndBuildArgsMeet(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	dlvgen, dockerfile := testenv.FrontendImage(t), testenv.DockerfileImage(t)
	img, err := reg.Image(ctx, "dlvgen/dlvgen:test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reg.Push(ctx, "mirror/debugger:1", img); err != nil {
		t.Fatal(err)
	}
	mirror := reg.Ref("mirror/debugger:1")
	service := testenv.Service(t, "hello")
	text := dockerfileOf(t, service)
	push := reg.Ref("chain/hello:v1")
	stock, err := bk.Solve(ctx, testenv.Solve{Context: service, Push: push})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, line, arg string
		variant         string // "" for production
	}{
		{"dlvgen in both", dlvgen + " --variant=sidecar", dlvgen + " --variant=remote", "remote"},
		{"a build arg without options", dlvgen + " --variant=sidecar", dlvgen, ""},
		{"a mirror in both", mirror + " --variant=sidecar", mirror + " --variant=remote", "remote"},
		{"docker/dockerfile in the Dockerfile", "docker/dockerfile:1", dlvgen + " --variant=remote", "remote"},
		{"labs in the Dockerfile", "docker/dockerfile:1.7-labs", dlvgen + " --variant=remote", "remote"},
		{"docker/dockerfile in the build arg", dlvgen + " --variant=sidecar", dockerfile, ""},
		{"the line alone", dlvgen + " --variant=remote", "", "remote"},
	} {
		writeDockerfile(t, service, "# syntax="+tc.line+"\n"+text)
		attrs := map[string]string{}
		if tc.arg != "" {
			attrs["build-arg:BUILDKIT_SYNTAX"] = tc.arg
		}
		solved, err := bk.Solve(ctx, testenv.Solve{Context: service, Attrs: attrs, Push: push})
		if err != nil {
			t.Errorf("%s: %v\n%s", tc.name, err, solved)
			continue
		}
		if got := variantOf(t, reg, "chain/hello:v1"); got != tc.variant {
			t.Errorf("%s: the variant is %q, want %q", tc.name, got, tc.variant)
		}
		if tc.variant == "" && solved.Digest != stock.Digest {
			t.Errorf("%s: the image is %s, and production's %s", tc.name, solved.Digest, stock.Digest)
		}
	}
	// The command's own frontend reads the file of any of them.
	solved := mustDerive(ctx, t, bk, derivation{service: service, options: variant("attach"), push: push})
	if got := variantOf(t, reg, "chain/hello:v1"); got != "attach" {
		t.Errorf("in process: the variant is %q\n%s", got, solved)
	}
}

// labsDockerfile uses what came to Dockerfiles by the labs channel.
const labsDockerfile = `# syntax=docker/dockerfile:1
# check=skip=all
FROM golang:1.26 AS build
WORKDIR /src
COPY --parents --exclude=*.md go.mod main.go ./
RUN --network=none <<EOF
CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /server .
EOF

FROM scratch
COPY --from=build --link --chmod=755 /server /server
ENTRYPOINT ["/server"]
`

// both builds with BuildKit's own frontend and with dlvgen, which share what options say of
// them.
type both struct {
	bk      *testenv.BuildKit
	service string
	syntax  string
}

func (b both) solve(t *testing.T, s testenv.Solve) (production, debug *testenv.Solved) {
	t.Helper()
	s.Context = b.service
	attrs := s.Attrs
	build := func(more map[string]string) *testenv.Solved {
		s.Attrs = more
		maps.Copy(s.Attrs, attrs)
		solved, err := b.bk.Solve(deadline(t), s)
		if err != nil {
			t.Fatalf("with %v: %v\n%s%s", s.Attrs, err, solved, solved.Log)
		}
		return solved
	}
	production = build(map[string]string{})
	debug = build(map[string]string{"build-arg:BUILDKIT_SYNTAX": b.syntax, "build-arg:DLVGEN_VARIANT": "remote"})
	return production, debug
}

func TestOptionsOfABuildMeanTheSameForADebugImage(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	reg := testenv.SharedRegistry(t)
	b := both{testenv.SharedBuildKit(t), testenv.Service(t, "hello"), testenv.FrontendImage(t)}
	repository, archive := testenv.RemoteContext(t, b.service)

	t.Run("annotations", func(t *testing.T) {
		attrs := map[string]string{"name": reg.Ref("life/annotated:v1"), "push": "true", "annotation.a": "1", "annotation-index.b": "2", "annotation-manifest-descriptor.c": "3"}
		production, debug := b.solve(t, testenv.Solve{
			Attrs:   map[string]string{"attest:provenance": "mode=min", "build-arg:SOURCE_DATE_EPOCH": "1700000000"},
			Exports: []client.ExportEntry{{Type: client.ExporterImage, Attrs: attrs}},
		})
		for what, solved := range map[string]*testenv.Solved{"production": production, "debug": debug} {
			checkAnnotated(t, what, reg.Ref("life/annotated@"+solved.Digest))
		}
	})
	t.Run("no-cache-filter", func(t *testing.T) {
		var ran [2][]string
		production, debug := b.solve(t, testenv.Solve{Attrs: map[string]string{"no-cache": "build"}})
		for i, solved := range []*testenv.Solved{production, debug} {
			for _, v := range solved.Vertices {
				if strings.HasPrefix(v.Name, "[build") && !v.Cached {
					ran[i] = append(ran[i], v.Name)
				}
			}
			slices.Sort(ran[i])
		}
		if !slices.Equal(ran[0], ran[1]) || len(ran[0]) < 5 {
			t.Errorf("production ran %q, and the debug image %q", ran[0], ran[1])
		}
	})
	for what, context := range map[string]string{"git": repository + "#main:service", "http": archive} {
		t.Run(what+" context", func(t *testing.T) {
			dir := t.TempDir()
			_, _ = b.solve(t, testenv.Solve{
				Attrs:   map[string]string{"context": context, "attest:provenance": "mode=min"},
				Exports: []client.ExportEntry{{Type: client.ExporterLocal, OutputDir: dir}},
			})
			if _, err := os.Stat(filepath.Join(dir, "dlv")); err != nil {
				t.Error(err)
			}
			p := provenanceIn(t, dir)
			source, _, _ := strings.Cut(context, "#")
			if !slices.ContainsFunc(p.Build.Resolved, func(r resource) bool { return strings.Contains(r.URI, source) && len(r.Digest) > 0 }) || p.Build.External.Request.Frontend != "gateway.v0" {
				t.Errorf("the provenance names %+v", p.Build)
			}
		})
	}
	t.Run("labs", func(t *testing.T) {
		labs := b
		labs.service = testenv.Service(t, "hello")
		testenv.DockerfileImage(t)
		writeDockerfile(t, labs.service, labsDockerfile)
		dir := t.TempDir()
		labs.solve(t, testenv.Solve{Exports: []client.ExportEntry{{Type: client.ExporterLocal, OutputDir: dir}}})
		if _, err := os.Stat(filepath.Join(dir, "dlv")); err != nil {
			t.Error(err)
		}
	})
}

// checkAnnotated looks for the annotations of TestOptionsOfABuildMeanTheSameForADebugImage.
func checkAnnotated(t *testing.T, what, image string) {
	t.Helper()
	ref, err := name.ParseReference(image, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(ref, remote.WithContext(deadline(t)))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	img, err := index.Image(list.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if manifest.Annotations["a"] != "1" || list.Annotations["b"] != "2" || list.Manifests[0].Annotations["c"] != "3" || config.Created.Unix() != 1700000000 {
		t.Errorf("%s: the annotations are %v, %v and %v, created at %v", what, manifest.Annotations, list.Annotations, list.Manifests[0].Annotations, config.Created)
	}
}

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
