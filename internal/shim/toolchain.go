package shim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// gorootMark names the variable that tells which GOROOT is this program's doing.
// Without it a call of a second toolchain, from inside the first, would be given
// the first one's GOROOT, which no go command does.
const gorootMark = "DLVGEN_GOROOT"

// toolchain is a real go command.
type toolchain struct {
	path string

	// goroot is the GOROOT that the program would find by its own path, had it
	// not been moved away. Empty where it was not.
	goroot string
}

// realProgram is a program that this one stands for.
type realProgram struct {
	path string

	// moved is the path that it would stand at, had it not been moved away. Empty
	// where it was not.
	moved string
}

// findReal finds the real program of the path that this one stands at: below s.Real
// at the same path, else the first of that name in PATH that is not this one. The
// error says that there is none.
func (s Step) findReal(name string) (realProgram, error) {
	if path := s.Real + s.Executable; isProgram(path) {
		return realProgram{path: path, moved: s.Executable}, nil
	}
	for _, dir := range filepath.SplitList(environ(s.Env).get("PATH")) {
		if filepath.Clean(dir) == s.Bin {
			continue
		}
		candidate, err := filepath.Abs(filepath.Join(dir, name))
		if err != nil || !isProgram(candidate) {
			continue
		}
		resolved, err := filepath.EvalSymlinks(candidate)
		if err != nil {
			continue
		}
		if path := s.Real + resolved; isProgram(path) {
			return realProgram{path: path, moved: resolved}, nil
		}
		// A program of the step's own making, or one that nobody found.
		if !sameProgram(s.Executable, resolved) {
			return realProgram{path: candidate}, nil
		}
	}
	return realProgram{}, fmt.Errorf("no %s command in PATH", name)
}

// findToolchain finds the real go, as findReal does.
func (s Step) findToolchain() (toolchain, error) {
	r, err := s.findReal("go")
	if err != nil || r.moved == "" {
		return toolchain{path: r.path}, err
	}
	return toolchain{path: r.path, goroot: gorootOf(r.moved)}, nil
}

// environ returns env with GOROOT as the toolchain needs it. A GOROOT of the
// user's own stays, as it would without this program.
func (t toolchain) environ(env environ) environ {
	if mark := env.get(gorootMark); mark != "" && mark == env.get("GOROOT") {
		env = env.without("GOROOT").without(gorootMark)
	}
	if t.goroot == "" || env.get("GOROOT") != "" {
		return env
	}
	return env.with("GOROOT", t.goroot).with(gorootMark, t.goroot)
}

// gorootOf returns the GOROOT of a go command at path: two folders up, or three
// for bin/GOOS_GOARCH (cmd/go/internal/cfg.findGOROOT). It is empty where neither
// is one: then the program has its GOROOT built in.
func gorootOf(path string) string {
	dir := filepath.Dir(filepath.Dir(path))
	for _, dir := range []string{dir, filepath.Dir(dir)} {
		if isDir(filepath.Join(dir, "pkg", "tool")) {
			return dir
		}
	}
	return ""
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// sameProgram compares contents where the files differ: two mounts of one
// program may be two files to the kernel.
func sameProgram(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA != nil || errB != nil || infoA.Size() != infoB.Size() {
		return false
	}
	if os.SameFile(infoA, infoB) {
		return true
	}
	dataA, errA := os.ReadFile(a)
	dataB, errB := os.ReadFile(b)
	return errA == nil && errB == nil && bytes.Equal(dataA, dataB)
}

// facts are settings of the go command in effect for a call, as `go env` tells
// them. Those that a version of Go doesn't know are empty.
type facts struct {
	// settings are all that decide what is compiled, by name.
	settings map[string]string

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

// readFacts asks the real go, which knows about settings files and about the
// toolchain that the go.mod at hand asks for. It takes about 5 ms.
func (s Step) readFacts(ctx context.Context, tc toolchain, chdir string, env environ) (facts, error) {
	args := []string{"env"}
	if chdir != "" {
		args = append(args, "-C", chdir)
	}
	args = append(append(args, "-json", "GOFLAGS"), settings...)
	cmd := exec.CommandContext(ctx, tc.path, args...)
	cmd.Env = env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return facts{}, fmt.Errorf("asking go env: %w", err)
	}
	var f facts
	if err := errors.Join(json.Unmarshal(out, &f), json.Unmarshal(out, &f.settings)); err != nil {
		return facts{}, fmt.Errorf("reading the answer of go env: %w", err)
	}
	delete(f.settings, "GOFLAGS")
	for _, name := range settingsOfC {
		// Hashed, as they may hold anything: what they are is of no use to anybody.
		f.settings[name] = shortHash(name, env.setting(name))
	}
	// A toolchain is downloaded by the first call that needs it, and the build
	// would have said so.
	for line := range strings.Lines(stderr.String()) {
		if strings.HasPrefix(line, "go: downloading ") {
			s.say(line)
		}
	}
	return f, nil
}

// minor returns 21 for "go1.21.3", and a high number for versions of no known
// form, which development builds have.
func (f facts) minor() int {
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
