//go:build !race

// See breakpoint_test.go for why.

package frontend_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/internal/tools"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/tonistiigi/fsutil"
)

// TestAnEjectedDockerfileMakesTheSameImage builds ejected Dockerfiles with BuildKit's own
// frontend, and compares the images with those that dlvgen derives.
func TestAnEjectedDockerfileMakesTheSameImage(t *testing.T) {
	t.Parallel()
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	for _, c := range []struct {
		service, dockerfile, target string
		options                     variants.Request
		breakpoint                  string
	}{
		{service: "hello", options: variant("remote")},
		{service: "hello", dockerfile: "Dockerfile.debian", options: variant("remote-src"), breakpoint: "/src/main.go"},
		{service: "makefile", options: variant("attach")},
		{service: "report", target: "setid", options: variant("remote-src")},
	} {
		t.Run(c.service+c.dockerfile+c.target, func(t *testing.T) {
			ctx := deadline(t)
			bk, reg, image := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.FrontendImage(t)
			service := testenv.Service(t, c.service)
			attrs := map[string]string{}
			if c.target != "" {
				attrs["target"] = c.target
			}
			name := "eject/" + c.service + ":v1" + c.dockerfile + c.target
			mustDerive(ctx, t, bk, derivation{service: service, dockerfile: c.dockerfile, options: c.options, attrs: attrs, push: reg.Ref(name + "-derived")})

			text := eject(ctx, t, bk, derivation{service: service, dockerfile: c.dockerfile, options: c.options, attrs: attrs}, image)
			if solved, err := bk.Solve(ctx, testenv.Solve{Context: service, Dockerfile: outside(t, service, text), Push: reg.Ref(name + "-ejected")}); err != nil {
				t.Fatalf("%v\n%s%s\n%s", err, solved, solved.Log, text)
			}
			compareImages(ctx, t, reg, name+"-derived", name+"-ejected")
			if c.breakpoint != "" {
				hitOverRPC(ctx, t, start(ctx, t, testenv.SharedDocker(t), reg.Ref(name+"-ejected")), c.breakpoint)
			}
		})
	}
}

// TestEachImageOfTheFidelitySuiteIsEjected compares the images that the suite runs with those
// that BuildKit's own frontend builds of the ejected Dockerfiles: what holds for the ones holds
// for the others.
func TestEachImageOfTheFidelitySuiteIsEjected(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	for target, of := range map[string]form{
		"exec": asRemote, "path": asRemote, "tini": asRemote, "env": asRemote, "gosu": asRemote, "names": asRemote, "capable": asRemote,
		"shell": asInplace, "script": asInplace, "child": asInplace, "setid": asInplace, "twice": asInplace,
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			ctx := deadline(t)
			bk, reg, service := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.Service(t, "report")
			derived, ejected := of.pushed(ctx, t, target), "fidelity/"+target+":v1-ejected"
			text := eject(ctx, t, bk, derivation{service: service, options: of.options, attrs: map[string]string{"target": target}}, testenv.FrontendImage(t))
			if solved, err := bk.Solve(ctx, testenv.Solve{Context: service, Dockerfile: outside(t, service, text), Push: reg.Ref(ejected)}); err != nil {
				t.Fatalf("%v\n%s%s\n%s", err, solved, solved.Log, text)
			}
			compareImages(ctx, t, reg, derived, ejected)
		})
	}
}

// outside writes a Dockerfile outside of a service's folder, for images that have all of that,
// and returns its path from there.
func outside(t *testing.T, service string, text []byte) string {
	t.Helper()
	ejected := filepath.Join(t.TempDir(), "Dockerfile")
	if err := os.WriteFile(ejected, text, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := filepath.Rel(service, ejected)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestAnEjectedDockerfileLeavesNothingOfTheCompile has sources for a stage that compiles and
// ships: they are there, the capture is not, and production's folders are as they were.
func TestAnEjectedDockerfileLeavesNothingOfTheCompile(t *testing.T) {
	t.Parallel()
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, image, service := testenv.SharedBuildKit(t), testenv.FrontendImage(t), testenv.Service(t, "report")
	text := eject(ctx, t, bk, derivation{service: service, options: variant("remote-src"), attrs: map[string]string{"target": "below"}}, image)
	found := map[string]string{}
	solved, err := bk.Solve(ctx, testenv.Solve{
		Context: service, Dockerfile: outside(t, service, text),
		Build: func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
			res, err := c.Solve(ctx, gateway.SolveRequest{Frontend: "dockerfile.v0", FrontendOpt: c.BuildOpts().Opts})
			if err != nil {
				return nil, err
			}
			ref, err := res.SingleRef()
			if err != nil {
				return nil, err
			}
			for _, name := range []string{"/tmp", "/tmp/src", "/tmp/src/main.go", "/usr/local/go/src/net/http/server.go", layout.Capture, layout.Bin} {
				if stat, err := ref.StatFile(ctx, gateway.StatRequest{Path: name}); err == nil {
					found[name] = fmt.Sprintf("%s %d:%d", fs.FileMode(stat.Mode), stat.Uid, stat.Gid)
				}
			}
			return gateway.NewResult(), nil
		},
	})
	if err != nil {
		t.Fatalf("%v\n%s%s\n%s", err, solved, solved.Log, text)
	}
	want := map[string]string{
		"/tmp": "dtrwxrwxrwx 0:0", "/tmp/src": "dgrwxrwxr-x 7:8", "/tmp/src/main.go": "-rw-r--r-- 0:0", "/usr/local/go/src/net/http/server.go": "-rw-r--r-- 0:0",
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAStandaloneDockerfileMakesAnImageToDebug builds one with BuildKit's own frontend, and
// stops at a breakpoint. Compiling Delve would take 45 seconds of processor time, so a folder
// stands for its stage; internal/derive/eject has a test of the command.
func TestAStandaloneDockerfileMakesAnImageToDebug(t *testing.T) {
	t.Parallel()
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	ctx := deadline(t)
	bk, reg, service := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.SmallService(t) // no cache has its packages
	text := eject(ctx, t, bk, derivation{service: service, options: variant("remote")}, "")
	ref := reg.Ref("eject/standalone:v1")
	const stage = "dlvgen-delve"
	if solved, err := bk.Solve(ctx, testenv.Solve{
		Context: service, Dockerfile: outside(t, service, text), Push: ref,
		Attrs: map[string]string{"context:" + stage: "local:" + stage}, Locals: map[string]fsutil.FS{stage: delveAlone(t)},
	}); err != nil {
		t.Fatalf("%v\n%s%s\n%s", err, solved, solved.Log, text)
	}
	hitMain(ctx, t, start(ctx, t, testenv.SharedDocker(t), ref).debugger, "main.go")
}

// delveAlone is a folder with Delve, as the stage has it that compiles it.
func delveAlone(t *testing.T) fsutil.FS {
	t.Helper()
	dlv, err := testenv.Program(t.Context(), "dlv")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(dlv)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "dlv"), text, 0o755); err != nil {
		t.Fatal(err)
	}
	folder, err := fsutil.NewFS(dir)
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// eject is the Dockerfile of a derivation that takes the tools from an image, a standalone one
// without that.
func eject(ctx context.Context, t *testing.T, bk *testenv.BuildKit, d derivation, image string) []byte {
	t.Helper()
	var text []byte
	err := withFrontend(ctx, t, bk, d, image, func(ctx context.Context, f *frontend.Frontend, c gateway.Client) error {
		write := f.Eject
		if image == "" {
			write = f.EjectStandalone
		}
		res, err := write(ctx, c)
		if err == nil {
			text = res.Metadata[frontend.MetaDockerfile]
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// withFrontend calls a frontend of that image, with the tools of builds, in a build that has no
// result.
func withFrontend(ctx context.Context, t *testing.T, bk *testenv.BuildKit, d derivation, image string, call func(context.Context, *frontend.Frontend, gateway.Client) error) error {
	t.Helper()
	carried, err := tools.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	f := frontend.New(frontend.Config{Image: image, Version: "test", Tools: frontend.LocalTools(carried.Names)})
	build := func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		return gateway.NewResult(), call(ctx, f, c)
	}
	if d.wrap != nil {
		build = d.wrap(build)
	}
	attrs := frontend.Attrs(d.options)
	maps.Copy(attrs, d.attrs)
	solved, err := bk.Solve(ctx, testenv.Solve{Context: d.service, Dockerfile: d.dockerfile, Attrs: attrs, Locals: carried.Mounts, Build: build})
	if err != nil {
		return fmt.Errorf("%w\n%s%s", err, solved, solved.Log)
	}
	return nil
}

// compareImages compares the configs and files of two images.
func compareImages(ctx context.Context, t *testing.T, reg *testenv.Registry, want, got string) {
	t.Helper()
	a, err := reg.Image(ctx, want)
	if err != nil {
		t.Fatal(err)
	}
	b, err := reg.Image(ctx, got)
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := a.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	is, err := b.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	is.Config.ArgsEscaped = wanted.Config.ArgsEscaped // of Windows images only; BuildKit sets it for every command
	if diff := cmp.Diff(wanted.Config, is.Config); diff != "" {
		t.Errorf("the config (-derived +ejected):\n%s", diff)
	}
	derived, ejected := treesOf(t, a, b)
	names := maps.Clone(derived)
	maps.Copy(names, ejected)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		w, inDerived := derived[name]
		g, inEjected := ejected[name]
		switch name {
		case layout.TelemetryMode:
			g.data = bytes.TrimSpace(g.data)
		case layout.Plan:
			w.data, g.data = compact(t, w.data), compact(t, g.data)
		}
		switch {
		case !inDerived || !inEjected:
			t.Errorf("%s is in the derived image: %t, in the ejected one: %t", name, inDerived, inEjected)
		case w.Typeflag != g.Typeflag || w.owner() != g.owner() || w.Linkname != g.Linkname:
			t.Errorf("%s is %c %s %s, want %c %s %s", name, g.Typeflag, g.owner(), g.Linkname, w.Typeflag, w.owner(), w.Linkname)
		case !maps.Equal(w.PAXRecords, g.PAXRecords):
			t.Errorf("%s has %q, want %q", name, g.PAXRecords, w.PAXRecords)
		case !bytes.Equal(w.data, g.data):
			t.Errorf("%s has another content: %.200q, want %.200q", name, g.data, w.data)
		}
	}
}

// treesOf are the files of two images. Layers that both begin with are left out, unless one
// image has files that the other has from there.
func treesOf(t *testing.T, a, b v1.Image) (derived, ejected map[string]imageFile) {
	t.Helper()
	layers := func(img v1.Image) []v1.Layer {
		l, err := img.Layers()
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	first, second := layers(a), layers(b)
	shared := 0
	for shared < min(len(first), len(second)) && digestOf(t, first[shared]) == digestOf(t, second[shared]) {
		shared++
	}
	tree := func(of []v1.Layer) map[string]imageFile {
		img, err := mutate.AppendLayers(empty.Image, of...)
		if err != nil {
			t.Fatal(err)
		}
		return treeIn(t, img)
	}
	derived, ejected = tree(first[shared:]), tree(second[shared:])
	if !maps.EqualFunc(derived, ejected, func(imageFile, imageFile) bool { return true }) {
		return tree(first), tree(second)
	}
	return derived, ejected
}

func digestOf(t *testing.T, l v1.Layer) v1.Hash {
	t.Helper()
	d, err := l.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func compact(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
