package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// minifluxVersion names a version whose Dockerfile starts from what pushMinifluxBases has.
const minifluxVersion = "v2.3.5"

// miniflux is a feed reader of 1,170 source files beside the standard library's, with
// the Dockerfile that its authors ship it with. It comes from the Go module proxy.
func miniflux(ctx context.Context, dir string) (*program, error) {
	dir = filepath.Join(dir, "miniflux")
	if err := copyModule(ctx, dir, "miniflux.app/v2@"+minifluxVersion); err != nil {
		return nil, err
	}
	p, err := newProgram("miniflux", dir, "main.go", "cli.Parse()", "println(\"edition %s\")\n\tcli.Parse()")
	if err != nil {
		return nil, err
	}
	p.dockerfile = filepath.Join("packaging", "docker", "alpine", "Dockerfile")
	return p, nil
}

// pushMinifluxBases gives a registry stand-ins of what miniflux's Dockerfile names. The
// program is linked dynamically with what its build stage has, which is Debian's C library.
func pushMinifluxBases(ctx context.Context, reg *testenv.Registry) error {
	golang, err := reg.Image(ctx, "library/golang:1.26-alpine")
	if err != nil {
		return err
	}
	layers, err := golang.Layers()
	if err != nil {
		return err
	}
	debian, err := reg.Image(ctx, "library/debian:bookworm-slim")
	if err != nil {
		return err
	}
	alpine, err := mutate.AppendLayers(debian, layers[len(layers)-1]) // apk
	if err != nil {
		return err
	}
	for name, img := range map[string]v1.Image{"library/golang:alpine3.23": golang, "library/alpine:3.24": alpine} {
		if _, err := reg.Push(ctx, name, img); err != nil {
			return err
		}
	}
	return nil
}

// copyModule writes the files of a module, "PATH@VERSION", to a new folder.
func copyModule(ctx context.Context, dir, module string) error {
	source, err := moduleFolder(ctx, module)
	if err != nil {
		return err
	}
	return os.CopyFS(dir, os.DirFS(source))
}

// moduleFolder is where the module cache keeps a module, which it downloads first. A
// module without a version is one of go.mod.
func moduleFolder(ctx context.Context, module string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "mod", "download", "-json", module).Output()
	var downloaded struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &downloaded); jsonErr != nil {
		return "", fmt.Errorf("downloading %s: %w", module, errors.Join(err, jsonErr))
	}
	if downloaded.Error != "" {
		return "", fmt.Errorf("downloading %s: %s", module, downloaded.Error)
	}
	return downloaded.Dir, nil
}
