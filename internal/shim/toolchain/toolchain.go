// Package toolchain is the real go command: where it is, what it says of its settings,
// and which build cache it gets.
package toolchain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/environ"
	"github.com/dlvgen/dlvgen/internal/shim/link"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

// gorootMark names the variable that tells which GOROOT is this program's doing.
// Without it a call of a second toolchain, from inside the first, would be given
// the first one's GOROOT, which no go command does.
const gorootMark = "DLVGEN_GOROOT"

// Toolchain is a real go command.
type Toolchain struct {
	Path string

	// Goroot is the GOROOT that the program would find by its own path, had it
	// not been moved away. Empty where it was not.
	Goroot string
}

// Find finds the real go of a step.
func Find(s step.Step) (Toolchain, error) {
	p, err := s.Find("go")
	if err != nil || p.Moved == "" {
		return Toolchain{Path: p.Path}, err
	}
	return Toolchain{Path: p.Path, Goroot: gorootOf(p.Moved)}, nil
}

// Environ returns env with GOROOT as the toolchain needs it. A GOROOT of the
// user's own stays, as it would without this program.
func (t Toolchain) Environ(env environ.Environ) environ.Environ {
	if mark := env.Get(gorootMark); mark != "" && mark == env.Get("GOROOT") {
		env = env.Without("GOROOT").Without(gorootMark)
	}
	if t.Goroot == "" || env.Get("GOROOT") != "" {
		return env
	}
	return env.With("GOROOT", t.Goroot).With(gorootMark, t.Goroot)
}

// gorootOf returns the GOROOT of a go command at path: two folders up, or three
// for bin/GOOS_GOARCH (cmd/go/internal/cfg.findGOROOT). It is empty where neither
// is one: then the program has its GOROOT built in.
func gorootOf(path string) string {
	dir := filepath.Dir(filepath.Dir(path))
	for _, dir := range []string{dir, filepath.Dir(dir)} {
		if step.IsDir(filepath.Join(dir, "pkg", "tool")) {
			return dir
		}
	}
	return ""
}

// Facts are settings of the go command in effect for a call, as `go env` tells
// them. Those that a version of Go doesn't know are empty.
type Facts struct {
	// Settings are all that decide what is compiled, by name.
	Settings map[string]string

	GOVERSION, GOOS, GOARCH, GOEXE    string
	GOROOT, GOMODCACHE, GOPATH, GOBIN string
	GOFLAGS, GO111MODULE, GOWORK      string
}

// The names of settings that decide what is compiled and where to (cmd/go/internal/envcmd).
// GOFLAGS is read too. To be asked for settingsOfC, go env starts the C compiler.
var (
	settings = strings.Fields(`GOVERSION GOOS GOARCH GOEXE GOROOT GOMODCACHE GOPATH GOBIN
		GO111MODULE GOWORK GO386 GOAMD64 GOARM GOARM64 GOMIPS GOMIPS64 GOPPC64 GORISCV64
		GOEXPERIMENT GOFIPS140 GOTOOLCHAIN CGO_ENABLED CC CXX FC AR`)
	settingsOfC = strings.Fields(`CGO_CFLAGS CGO_CPPFLAGS CGO_CXXFLAGS CGO_FFLAGS
		CGO_LDFLAGS PKG_CONFIG GO_EXTLINK_ENABLED`)
)

// Facts asks the real go, which knows about settings files and about the
// toolchain that the go.mod at hand asks for. It takes about 5 ms.
func (t Toolchain) Facts(ctx context.Context, s step.Step, chdir string, env environ.Environ) (Facts, error) {
	args := []string{"env"}
	if chdir != "" {
		args = append(args, "-C", chdir)
	}
	args = append(append(args, "-json", "GOFLAGS"), settings...)
	cmd := exec.CommandContext(ctx, t.Path, args...)
	cmd.Env = env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return Facts{}, fmt.Errorf("asking go env: %w", err)
	}
	var f Facts
	if err := errors.Join(json.Unmarshal(out, &f), json.Unmarshal(out, &f.Settings)); err != nil {
		return Facts{}, fmt.Errorf("reading the answer of go env: %w", err)
	}
	delete(f.Settings, "GOFLAGS")
	for _, name := range settingsOfC {
		// Hashed, as they may hold anything: what they are is of no use to anybody.
		f.Settings[name] = link.Hash(name, env.Setting(name))
	}
	s.SayDownloads(stderr.String())
	return f, nil
}

// Minor returns 21 for "go1.21.3", and a high number for versions of no known
// form, which development builds have.
func (f Facts) Minor() int {
	const newest = 999
	_, rest, ok := strings.Cut(f.GOVERSION, "go1.")
	if !ok {
		return newest
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || '9' < r })
	if end >= 0 {
		rest = rest[:end]
	}
	minor, err := strconv.Atoi(rest)
	if err != nil {
		return newest
	}
	return minor
}
