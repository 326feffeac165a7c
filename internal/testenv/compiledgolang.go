package testenv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// compiledPackages are those that most programs of the tests import.
var compiledPackages = []string{"context", "encoding/json", "flag", "log", "net/http", "os/signal"}

// neverTrimmed is a time of use that the go command does not take for long ago: it
// would delete what has not been used for five days (cmd/go/internal/cache, Trim).
var neverTrimmed = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// withCompiledGolang is base images whose golang images differ from the official ones'
// stand-ins by one layer: root's Go build cache, with the standard library for
// CGO_ENABLED=0. Production builds take 3 seconds of processor time with it, not 35.
func (s store) withCompiledGolang(ctx context.Context, bases []baseImage) ([]baseImage, error) {
	compiled, err := s.compiledAsProduction(ctx)
	if err != nil {
		return nil, err
	}
	for i, base := range bases {
		if strings.HasPrefix(base.names[0], "library/golang:") {
			bases[i].layers = append(slices.Clone(base.layers), compiled)
		}
	}
	return bases, nil
}

// golangCache is the path of the cache in golang images.
const golangCache = "root/.cache/go-build"

// compiledAsProduction is the layer of golang images.
func (s store) compiledAsProduction(ctx context.Context) (layer, error) {
	l, err := s.compiledLayer(ctx, golangCache, "-trimpath", "")
	if err != nil {
		return layer{}, fmt.Errorf("compiling the standard library for the golang image: %w", err)
	}
	return l, nil
}

// compiledLayer is a Go build cache with compiledPackages, once for each value of GOFLAGS.
func (s store) compiledLayer(ctx context.Context, prefix string, flags ...string) (_ layer, err error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return layer{}, err
	}
	defer unlock()
	key := layerKey(slices.Concat([]string{"compiled", "2", runtime.GOARCH, runtime.Version(), prefix}, flags, compiledPackages)...)
	if l, ok := s.get(key); ok {
		return l, nil
	}
	dir, err := os.MkdirTemp(s.tmp(), "compiled-*")
	if err != nil {
		return layer{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, f := range flags {
		env := []string{"CGO_ENABLED=0", "GOCACHE=" + dir, "GOENV=off", "GOFLAGS=" + f}
		if _, err := output(ctx, "/", env, "go", append([]string{"build"}, compiledPackages...)...); err != nil {
			return layer{}, err
		}
	}
	if err := setTimes(dir, neverTrimmed); err != nil {
		return layer{}, err
	}
	return s.put(key, rootTar{dir: dir, prefix: prefix}.write)
}

func setTimes(dir string, to time.Time) error {
	return filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return os.Chtimes(file, to, to)
	})
}
