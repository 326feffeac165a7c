package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// scannerName is the image that BuildKit takes where no other scanner is named.
const scannerName = "docker/buildkit-syft-scanner:stable-1"

// Scanner makes the shared BuildKit find a scanner for SBOMs, as a user's does. It lists
// the files of what it scans, and the modules of the programs in an image.
func Scanner(t testing.TB) {
	t.Helper()
	reg := SharedRegistry(t)
	take(t, &shared.scanner, func(ctx context.Context) (string, func() error, error) {
		ref, err := reg.pushScanner(ctx)
		return ref, func() error { return nil }, err
	})
}

func (r *Registry) pushScanner(ctx context.Context) (_ string, err error) {
	root, err := RepoRoot()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "dlvgen-scanner-*")
	if err != nil {
		return "", fmt.Errorf("making the scanner: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program := filepath.Join(dir, "scanner")
	if err := run(ctx, root, []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", program, "./internal/testenv/sbomscanner"); err != nil {
		return "", fmt.Errorf("making the scanner: %w", err)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		return "", fmt.Errorf("making the scanner: %w", err)
	}
	l, err := gzipped([]entry{{name: "scanner", mode: 0o755, text: text}})
	if err != nil {
		return "", err
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		return "", fmt.Errorf("making the scanner: %w", err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return "", fmt.Errorf("making the scanner: %w", err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config = "linux", runtime.GOARCH, v1.Config{Entrypoint: []string{"/scanner"}}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return "", fmt.Errorf("making the scanner: %w", err)
	}
	return r.Push(ctx, scannerName, img)
}
