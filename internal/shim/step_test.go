package shim

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/shim/mounts"
	"github.com/dlvgen/dlvgen/internal/shim/shimtest"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

func TestMain(m *testing.M) { shimtest.Main(m, layOut, runAsGo) }

func runAsGo(s step.Step, args []string) int { return Run(context.Background(), s, args) }

// layOut adds a toolchain whose go command is this program, with the real one below real,
// as in an instrumented step.
func layOut() error {
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	installed := strings.TrimSpace(string(goroot))
	entries, err := os.ReadDir(installed)
	if err != nil {
		return err
	}
	root := shimtest.Root
	bin := filepath.Join(root, "goroot", "bin")
	errs := []error{os.MkdirAll(bin, 0o755), os.MkdirAll(root+"/real"+bin, 0o755)}
	for _, entry := range entries {
		if entry.Name() != "bin" {
			errs = append(errs, os.Symlink(filepath.Join(installed, entry.Name()), filepath.Join(root, "goroot", entry.Name())))
		}
	}
	errs = append(errs,
		shimtest.CopySelf(filepath.Join(bin, "go")),
		shimtest.CopyProgram(filepath.Join(installed, "bin", "go"), root+"/real"+filepath.Join(bin, "go")),
		flatMounts(filepath.Join(root, "mountinfo")))
	return errors.Join(errs...)
}

// flatMounts writes a table in which every mount of this process is at the root: it lies
// nowhere else in a step what tests compile.
func flatMounts(file string) error {
	var table strings.Builder
	err := mounts.Each("/proc/self/mountinfo", func(m mounts.Mount) { table.WriteString(m.ID + " 0 0:0 / /\n") })
	return errors.Join(err, os.WriteFile(file, []byte(table.String()), 0o644))
}

// own is the user's folder of the capture.
func (r stepResult) own() string { return ownFolder(r.capture) }

func ownFolder(capture string) string { return filepath.Join(capture, strconv.Itoa(os.Geteuid())) }

// stepResult is what a command in the step left.
type stepResult struct {
	shimtest.Result
	capture string
}

// runGo runs the go command of the step in dir, with env added to this
// process's, which has no GOFLAGS.
func runGo(t *testing.T, dir string, env []string, args ...string) stepResult {
	t.Helper()
	return runGoAt(t, filepath.Join(shimtest.Root, "goroot", "bin", "go"), dir, env, args...)
}

func runGoAt(t *testing.T, path, dir string, env []string, args ...string) stepResult {
	t.Helper()
	r := stepResult{capture: t.TempDir()}
	all := []string{
		"GOFLAGS=", "GOWORK=off", shimtest.Capture + "=" + r.capture,
		shimtest.Mounts + "=" + filepath.Join(shimtest.Root, "mountinfo"),
	}
	for _, entry := range env {
		if capture, ok := strings.CutPrefix(entry, shimtest.Capture+"="); ok {
			r.capture = capture
		}
	}
	r.Result = shimtest.Run(proctest.Context(t), path, dir, append(all, env...), args...)
	return r
}

func TestOtherSubcommandsRunAsTheyAre(t *testing.T) {
	r := runGo(t, t.TempDir(), nil, "version")
	if want := "go version " + runtime.Version(); r.Code != 0 || !strings.HasPrefix(r.Stdout, want) {
		t.Errorf("go version: %d, %q, %q", r.Code, r.Stdout, r.Stderr)
	}
	r = runGo(t, t.TempDir(), nil, "env", "GOROOT")
	if want := filepath.Join(shimtest.Root, "goroot"); strings.TrimSpace(r.Stdout) != want {
		t.Errorf("go env GOROOT: %q, want %s", r.Stdout, want)
	}
}

func TestWithoutAGoCommandTheAnswerIsAShells(t *testing.T) {
	own := filepath.Join(shimtest.Root, "bin")
	r := runGoAt(t, filepath.Join(own, "go"), t.TempDir(), []string{"PATH=" + own}, "build")
	if r.Code != 127 || r.Stderr != "go: not found\n" {
		t.Errorf("exit code %d, %q", r.Code, r.Stderr)
	}
}
