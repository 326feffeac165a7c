package testenv

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// oldGo are the releases of the toolchains that OldGolang makes images of, by
// the images' tags.
var oldGo = map[string]string{
	"1.18": "go1.18.10",
	"1.21": "go1.21.13",
	"1.24": "go1.24.13",
}

// OldGolang serves golang:TAG of an older Go, "1.18", "1.21" or "1.24", in the
// shared registry. The toolchain comes from the module proxy the first time on a
// machine, 60 to 140 MB; the image has it on a Debian without a C compiler, so
// programs are compiled with CGO_ENABLED=0.
func OldGolang(t testing.TB, tag string) {
	t.Helper()
	reg := SharedRegistry(t)
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	if err := reg.pushOldGolang(ctx, tag); err != nil {
		t.Fatal(err)
	}
}

func (r *Registry) pushOldGolang(ctx context.Context, tag string) error {
	release, ok := oldGo[tag]
	if !ok {
		return fmt.Errorf("making golang:%s: no release of that Go is pinned", tag)
	}
	base, err := r.store.oldGolang(ctx, tag, release)
	if err != nil {
		return fmt.Errorf("making golang:%s: %w", tag, err)
	}
	return r.pushBases(ctx, []baseImage{base})
}

func (s store) oldGolang(ctx context.Context, tag, release string) (baseImage, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return baseImage{}, err
	}
	defer unlock()
	certificates, err := machineCertificates()
	if err != nil {
		return baseImage{}, err
	}
	// The go command of Go 1.18 is linked to glibc.
	root, _, err := s.debianLayers(ctx, certificates)
	if err != nil {
		return baseImage{}, err
	}
	key := layerKey("oldgolang", "1", runtime.GOARCH, release)
	toolchain, ok := s.get(key)
	if !ok {
		goroot, err := goRootOf(ctx, release)
		if err != nil {
			return baseImage{}, err
		}
		if toolchain, err = s.put(key, rootTar{dir: goroot, prefix: "usr/local/go", keep: compiles}.write); err != nil {
			return baseImage{}, err
		}
	}
	return baseImage{
		names:  []string{"library/golang:" + tag},
		layers: []layer{root, toolchain},
		config: v1.Config{
			Env:        []string{"PATH=" + golangPath, "GOLANG_VERSION=" + strings.TrimPrefix(release, "go"), "GOTOOLCHAIN=local", "GOPATH=/go"},
			WorkingDir: "/go",
			Cmd:        []string{"bash"},
		},
	}, nil
}

// goRootOf unpacks a toolchain of the module proxy and returns its folder.
func goRootOf(ctx context.Context, release string) (string, error) {
	out, err := output(ctx, "/", []string{"GOTOOLCHAIN=" + release, "GOFLAGS="}, "go", "env", "GOROOT")
	return strings.TrimSpace(out), err
}

// compiles tells whether a file of a GOROOT is needed to compile without cgo. The
// compiler's own sources and the packages compiled ahead make up most of the rest.
func compiles(rel string, _ fs.FileInfo) bool {
	switch dir, name := path.Split(rel); {
	case name == "testdata", strings.HasSuffix(name, "_test.go"), rel == "src/cmd":
		return false
	case dir == "":
		return slices.Contains([]string{"VERSION", "go.env", "bin", "pkg", "src"}, name)
	case dir == "pkg/":
		return name == "include" || name == "tool"
	case strings.HasPrefix(dir, "pkg/tool/") && dir != "pkg/tool/":
		return slices.Contains([]string{"asm", "buildid", "cgo", "compile", "link"}, name)
	}
	return true
}
