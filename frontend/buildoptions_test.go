//go:build !race

// See breakpoint_test.go for why.

package frontend_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/moby/buildkit/client"
)

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
	// The last: what it compiles goes into caches of its own, which are others' from then on.
	t.Run("no-cache-filter", func(t *testing.T) {
		var ran [2][]string
		production, debug := both{b.bk, testenv.SmallService(t), b.syntax}.solve(t, testenv.Solve{Attrs: map[string]string{"no-cache": "build"}})
		for i, solved := range []*testenv.Solved{production, debug} {
			for _, v := range solved.Vertices {
				// FROM and WORKDIR are not for the filter: they run where nobody built them yet.
				again := strings.Contains(v.Name, "] COPY ") || strings.Contains(v.Name, "] RUN ")
				if strings.HasPrefix(v.Name, "[build") && again && !v.Cached {
					ran[i] = append(ran[i], v.Name)
				}
			}
			slices.Sort(ran[i])
		}
		if !slices.Equal(ran[0], ran[1]) || len(ran[0]) != 4 {
			t.Errorf("production ran %q, and the debug image %q", ran[0], ran[1])
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
