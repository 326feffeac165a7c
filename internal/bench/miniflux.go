package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// minifluxVersion names a version whose Dockerfile starts from minifluxBases.
const minifluxVersion = "v2.3.5"

// minifluxBases are the stand-ins of the images that miniflux's Dockerfile names.
var minifluxBases = map[string]string{
	"library/golang:alpine3.23": "library/golang:1.26-alpine",
	"library/alpine:3.24":       "library/alpine:3",
}

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

// pushMinifluxBases gives a registry what miniflux's Dockerfile names.
func pushMinifluxBases(ctx context.Context, reg *testenv.Registry) error {
	for name, standIn := range minifluxBases {
		img, err := reg.Image(ctx, standIn)
		if err != nil {
			return err
		}
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
