package shim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/shim/mounts"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

// stepRoot names the variable that makes this test program the go command of a
// step whose Dir is that folder, and stepCapture its capture mount.
const (
	stepRoot    = "SHIM_TEST_ROOT"
	stepCapture = "SHIM_TEST_CAPTURE"
	stepMode    = "SHIM_TEST_MODE"   // a file
	stepMounts  = "SHIM_TEST_MOUNTS" // a table, in place of one with everything on the root's mount
)

func TestMain(m *testing.M) {
	if root := os.Getenv(stepRoot); root != "" {
		os.Exit(runAsGo(root))
	}
	code, err := testInStep(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runAsGo(root string) int {
	s, err := step.Current(os.Args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s.Bin = filepath.Join(root, "bin")
	s.Real = filepath.Join(root, "real")
	s.GoCache = filepath.Join(root, "go-build")
	s.Mountinfo = filepath.Join(root, "mountinfo")
	s.Capture = os.Getenv(stepCapture)
	s.Mode = os.Getenv(stepMode)
	if mounts := os.Getenv(stepMounts); mounts != "" {
		s.Mountinfo = mounts
	}
	return Run(context.Background(), s, os.Args[1:])
}

// testRoot holds a toolchain whose go command is this program, with the real
// one below real, as in an instrumented step. Tests share it.
var testRoot string

func testInStep(m *testing.M) (code int, err error) {
	testRoot, err = os.MkdirTemp("", "shim-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(testRoot)) }()
	if err := layOut(testRoot); err != nil {
		return 0, fmt.Errorf("laying out a step: %w", err)
	}
	return m.Run(), nil
}

func layOut(root string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	installed := strings.TrimSpace(string(goroot))
	entries, err := os.ReadDir(installed)
	if err != nil {
		return err
	}
	bin := filepath.Join(root, "goroot", "bin")
	errs := []error{os.MkdirAll(filepath.Join(root, "bin"), 0o755), os.MkdirAll(bin, 0o755), os.MkdirAll(root+"/real"+bin, 0o755)}
	for _, entry := range entries {
		if entry.Name() != "bin" {
			errs = append(errs, os.Symlink(filepath.Join(installed, entry.Name()), filepath.Join(root, "goroot", entry.Name())))
		}
	}
	errs = append(errs,
		copyProgram(self, filepath.Join(bin, "go")),
		copyProgram(self, filepath.Join(root, "bin", "go")),
		copyProgram(filepath.Join(installed, "bin", "go"), root+"/real"+filepath.Join(bin, "go")),
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

func copyProgram(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}

// stepResult is what a command in the step left.
type stepResult struct {
	code           int
	stdout, stderr string
	capture        string
}

// runGo runs the go command of the step in dir, with env added to this
// process's, which has no GOFLAGS.
func runGo(t *testing.T, dir string, env []string, args ...string) stepResult {
	t.Helper()
	return runGoAt(t, filepath.Join(testRoot, "goroot", "bin", "go"), dir, env, args...)
}

func runGoAt(t *testing.T, path, dir string, env []string, args ...string) stepResult {
	t.Helper()
	r := stepResult{capture: t.TempDir()}
	cmd := exec.CommandContext(proctest.Context(t), path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", stepRoot+"="+testRoot, stepCapture+"="+r.capture)
	cmd.Env = append(cmd.Env, env...)
	for _, entry := range env {
		if capture, ok := strings.CutPrefix(entry, stepCapture+"="); ok {
			r.capture = capture
		}
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	r.code = step.ExitCode(cmd.Run())
	r.stdout, r.stderr = stdout.String(), stderr.String()
	return r
}

// writeModule writes files, given by their names, to a new folder.
func writeModule(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOtherSubcommandsRunAsTheyAre(t *testing.T) {
	r := runGo(t, t.TempDir(), nil, "version")
	if want := "go version " + runtime.Version(); r.code != 0 || !strings.HasPrefix(r.stdout, want) {
		t.Errorf("go version: %d, %q, %q", r.code, r.stdout, r.stderr)
	}
	r = runGo(t, t.TempDir(), nil, "env", "GOROOT")
	if want := filepath.Join(testRoot, "goroot"); strings.TrimSpace(r.stdout) != want {
		t.Errorf("go env GOROOT: %q, want %s", r.stdout, want)
	}
}

func TestWithoutAGoCommandTheAnswerIsAShells(t *testing.T) {
	own := filepath.Join(testRoot, "bin")
	r := runGoAt(t, filepath.Join(own, "go"), t.TempDir(), []string{"PATH=" + own}, "build")
	if r.code != 127 || r.stderr != "go: not found\n" {
		t.Errorf("exit code %d, %q", r.code, r.stderr)
	}
}
