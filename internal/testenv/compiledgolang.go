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

// compilation is how the standard library is compiled ahead.
type compilation struct{ arch, cgo, flags string }

// compilations are those of the tests' Dockerfiles: for this machine, and for another
// platform. Objects of cgo fit where the image's compiler is the machine's.
func compilations() []compilation {
	other := "arm64"
	if runtime.GOARCH == other {
		other = "amd64"
	}
	return []compilation{
		{runtime.GOARCH, "0", "-trimpath"},
		{runtime.GOARCH, "0", ""},
		{runtime.GOARCH, "1", ""},
		{other, "0", "-trimpath"},
	}
}

// forDebugging is what dlvgen has the compiler do.
const forDebugging = "all=-N -l"

// neverTrimmed is a time of use that the go command does not take for long ago: it
// would delete what has not been used for five days (cmd/go/internal/cache, Trim).
var neverTrimmed = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// withCompiledGolang is base images whose golang images differ from the official ones'
// stand-ins by one layer: root's Go build cache, with the standard library. Production
// builds take 3 seconds of processor time with it, not 35. A quarter of a compiler's time
// goes to collecting garbage, and GOGC saves that.
func (s store) withCompiledGolang(ctx context.Context, bases []baseImage) ([]baseImage, error) {
	compiled, err := s.compiledLayer(ctx, "root/.cache/go-build", "")
	if err != nil {
		return nil, fmt.Errorf("compiling the standard library for the golang image: %w", err)
	}
	for i, base := range bases {
		if strings.HasPrefix(base.names[0], "library/golang:") {
			bases[i].layers = append(slices.Clone(base.layers), compiled)
			bases[i].config.Env = append(slices.Clone(base.config.Env), "GOGC=400")
		}
	}
	return bases, nil
}

// compiledLayer is a Go build cache with compiledPackages.
func (s store) compiledLayer(ctx context.Context, prefix, gcflags string) (_ layer, err error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return layer{}, err
	}
	defer unlock()
	wanted := compilations()
	key := layerKey(append([]string{"compiled", "2", prefix, gcflags, fmt.Sprint(wanted), runtime.Version()}, compiledPackages...)...)
	if l, ok := s.get(key); ok {
		return l, nil
	}
	dir, err := os.MkdirTemp(s.tmp(), "compiled-*")
	if err != nil {
		return layer{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, c := range wanted {
		env := []string{"GOARCH=" + c.arch, "CGO_ENABLED=" + c.cgo, "GOCACHE=" + dir, "GOENV=off", "GOFLAGS=" + c.flags}
		if _, err := output(ctx, "/", env, "go", append([]string{"build", "-gcflags=" + gcflags}, compiledPackages...)...); err != nil {
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
