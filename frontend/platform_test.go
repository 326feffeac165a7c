//go:build !race

// See breakpoint_test.go for why.

package frontend_test

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/internal/toolstree"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// crossDockerfile compiles on the builder's platform for the target's, as
// multi-platform Dockerfiles do.
const crossDockerfile = `FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETOS TARGETARCH
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags="-s -w" -o /server .

FROM scratch
COPY --from=build /server /server
ENTRYPOINT ["/server"]
`

func TestEveryPlatformGetsItsOwnDebugger(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	service := testenv.Service(t, "hello")
	if err := os.WriteFile(filepath.Join(service, "Dockerfile"), []byte(crossDockerfile), 0o600); err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(reg.Ref("platform/hello:v1-debug"), name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	mustDerive(ctx, t, bk, derivation{
		service: service, options: variant("remote"), push: ref.String(),
		attrs: map[string]string{"platform": "linux/amd64,linux/arm64"},
	})
	index, err := remote.Index(ref, remote.WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		programs := programsOf(t, index, arch)
		for _, p := range []string{"server", "dlv", ".dlvgen/init"} {
			f, err := elf.NewFile(bytes.NewReader(programs[p]))
			if err != nil {
				t.Errorf("%s of the image for %s: %v", p, arch, err)
				continue
			}
			if f.Machine != machine {
				t.Errorf("%s of the image for %s is for %v", p, arch, f.Machine)
			}
		}
	}
}

// TestAFrontendImageTakesOtherPlatformsToolsFromItsIndex builds for a platform of which
// the frontend that runs has no tools.
func TestAFrontendImageTakesOtherPlatformsToolsFromItsIndex(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	alone := testenv.FrontendImage(t)
	other, machine := toolstree.Platform{OS: "linux", Arch: "arm64"}, elf.EM_AARCH64
	if runtime.GOARCH == other.Arch {
		other.Arch, machine = "amd64", elf.EM_X86_64
	}
	image, err := reg.Image(ctx, "dlvgen/dlvgen:test")
	if err != nil {
		t.Fatal(err)
	}
	index, err := reg.PushFrontendIndex(ctx, image, other)
	if err != nil {
		t.Fatal(err)
	}
	service := testenv.Service(t, "hello")
	if err := os.WriteFile(filepath.Join(service, "Dockerfile"), []byte(crossDockerfile), 0o600); err != nil {
		t.Fatal(err)
	}
	build := func(source, push string) error {
		_, err := bk.Solve(ctx, testenv.Solve{Context: service, Frontend: "gateway.v0", Push: push, Attrs: map[string]string{
			"source": source, "platform": other.String(), "build-arg:DLVGEN_VARIANT": "remote",
		}})
		return err
	}
	if err := build(index, reg.Ref("platform/index:v1-debug")); err != nil {
		t.Fatal(err)
	}
	built, err := reg.Image(ctx, "platform/index:v1-debug")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	extract(t, built, files)
	for _, p := range []string{"server", "dlv", ".dlvgen/init"} {
		f, err := elf.NewFile(bytes.NewReader(files[p]))
		if err != nil {
			t.Errorf("%s: %v", p, err)
		} else if f.Machine != machine {
			t.Errorf("%s is for %v, want %v", p, f.Machine, machine)
		}
	}
	want := "is for linux/" + runtime.GOARCH + ", and the build needs its tools for " + other.String()
	if err := build(alone, ""); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("an image of one platform says %v, want %q", err, want)
	}
}

// programsOf reads the files of an index's image for an architecture, by path.
func programsOf(t *testing.T, index v1.ImageIndex, arch string) map[string][]byte {
	t.Helper()
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, m := range manifest.Manifests {
		if m.Platform == nil || m.Platform.Architecture != arch {
			continue
		}
		img, err := index.Image(m.Digest)
		if err != nil {
			t.Fatal(err)
		}
		extract(t, img, files)
	}
	return files
}

// extract adds an image's files.
func extract(t *testing.T, img v1.Image, files map[string][]byte) {
	t.Helper()
	for e, err := range testenv.Entries(mutate.Extract(img)) {
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name] = e.Content
	}
}
