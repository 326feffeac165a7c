package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// Scanner makes the shared BuildKit find the scanner that it takes for SBOMs where no other
// is named. It lists the files of what it scans, and the modules of the programs in an image.
func Scanner(t testing.TB) {
	t.Helper()
	takeProgram(t, &shared.scanner, "docker/buildkit-syft-scanner:stable-1", "./internal/testenv/sbomscanner", nil)
}

// DockerfileImage is the reference of docker/dockerfile in the shared registry, of the BuildKit
// that go.mod names. "docker/dockerfile:1" resolves to it too in a BuildKit of this package.
func DockerfileImage(t testing.TB) string {
	t.Helper()
	return takeProgram(t, &shared.dockerfile, dockerfileName, dockerfilePackage, frontendLabels)
}

const (
	dockerfileName    = "docker/dockerfile:1"
	dockerfilePackage = "github.com/moby/buildkit/frontend/dockerfile/cmd/dockerfile-frontend"
)

// PushDockerfileImage is DockerfileImage outside of tests: it compiles the program and pushes
// the image to r.
func (r *Registry) PushDockerfileImage(ctx context.Context) (string, error) {
	return r.Ref(dockerfileName), r.pushProgram(ctx, dockerfileName, dockerfilePackage, frontendLabels)
}

func takeProgram(t testing.TB, p *part[string], image, pkg string, labels map[string]string) string {
	t.Helper()
	reg := SharedRegistry(t)
	return take(t, p, func(ctx context.Context) (string, func() error, error) {
		err := reg.pushProgram(ctx, image, pkg, labels)
		return reg.Ref(image), func() error { return nil }, err
	})
}

// pushProgram pushes an image that has the program of a package, and starts it.
func (r *Registry) pushProgram(ctx context.Context, image, pkg string, labels map[string]string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("making %s: %w", image, err)
		}
	}()
	root, err := RepoRoot()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "dlvgen-program-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program := filepath.Join(dir, "program")
	if err := run(ctx, root, []string{"CGO_ENABLED=0"}, "go", slices.Concat(goBuild, []string{"-buildvcs=false", "-o", program, pkg})...); err != nil {
		return err
	}
	text, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	l, err := gzipped([]entry{{name: "program", mode: 0o755, text: text}})
	if err != nil {
		return err
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		return err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config = "linux", runtime.GOARCH, v1.Config{Entrypoint: []string{"/program"}, Labels: labels}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return err
	}
	_, err = r.Push(ctx, image, img)
	return err
}
