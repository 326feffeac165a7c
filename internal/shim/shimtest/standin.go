package shimtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/dlvgen/dlvgen/internal/shim/step"
)

// Variables that say in which step a test program stands in for another. Without one of
// the last five, the step has what layout and the kernel say.
const (
	rootVar = "SHIM_TEST_ROOT" // a folder with the step's bin, real and go-build
	Capture = "SHIM_TEST_CAPTURE"
	Sources = "SHIM_TEST_SOURCES"
	Mode    = "SHIM_TEST_MODE"   // a file
	Test    = "SHIM_TEST_TEST"   // a file
	Mounts  = "SHIM_TEST_MOUNTS" // a table, in place of the kernel's
)

// Root is the folder of the step in which a package's test program stands in for others.
// Its bin has the program as go.
var Root string

// Main runs a package's tests, after layOut has added to Root what they share. Where Run
// or a program of the step calls the test program, that becomes the stand-in instead.
func Main(m *testing.M, layOut func() error, standIn func(step.Step, []string) int) {
	var code int
	var err error
	if Root = os.Getenv(rootVar); Root != "" {
		code, err = runAsStandIn(standIn)
	} else {
		code, err = testInStep(m, layOut)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runAsStandIn(standIn func(step.Step, []string) int) (int, error) {
	s, err := step.Current(os.Args)
	if err != nil {
		return 0, err
	}
	s.Bin, s.Real, s.GoCache = filepath.Join(Root, "bin"), filepath.Join(Root, "real"), filepath.Join(Root, "go-build")
	s.Capture, s.Sources, s.Mode, s.Test = os.Getenv(Capture), os.Getenv(Sources), os.Getenv(Mode), os.Getenv(Test)
	if table := os.Getenv(Mounts); table != "" {
		s.Mountinfo = table
	}
	return standIn(s, os.Args[1:]), nil
}

func testInStep(m *testing.M, layOut func() error) (code int, err error) {
	if Root, err = os.MkdirTemp("", "shim-"); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(Root)) }()
	if err := errors.Join(os.Mkdir(filepath.Join(Root, "bin"), 0o755), CopySelf(filepath.Join(Root, "bin", "go")), layOut()); err != nil {
		return 0, fmt.Errorf("laying out a step: %w", err)
	}
	return m.Run(), nil
}

// CopySelf puts the test program at a path.
func CopySelf(path string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return CopyProgram(self, path)
}

// CopyProgram copies a file that can be run.
func CopyProgram(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}

// Result is what a program of the step left.
type Result struct {
	Code           int
	Stdout, Stderr string
}

// Run runs a program of the step in dir, with env added to this process's.
func Run(ctx context.Context, path, dir string, env []string, args ...string) Result {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), rootVar+"="+Root), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	code := step.ExitCode(cmd.Run())
	return Result{Code: code, Stdout: stdout.String(), Stderr: stderr.String()}
}

// ReadFile is a file's content.
func ReadFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
