package standin

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

// stepBin names the variable that makes this test program a stand-in of a step whose Bin
// is that folder, and stepMode its file of the mode.
const (
	stepBin  = "STANDIN_TEST_BIN"
	stepMode = "STANDIN_TEST_MODE"
)

// testBin has this program as go, under which links to it stand for others.
var testBin string

func TestMain(m *testing.M) {
	if bin := os.Getenv(stepBin); bin != "" {
		os.Exit(runAsStandIn(bin))
	}
	code, err := testInStep(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runAsStandIn(bin string) int {
	s, err := step.Current(os.Args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s.Bin, s.Real, s.Mode = bin, bin+"/real", os.Getenv(stepMode)
	if name := NameOf(s.Name); name != remover {
		return Strip(s, name, os.Args[1:])
	}
	return Remove(s, os.Args[1:])
}

func testInStep(m *testing.M) (code int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	testBin, err = os.MkdirTemp("", "standin-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(testBin)) }()
	if err := copyProgram(self, filepath.Join(testBin, "go")); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

func copyProgram(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}

// result is what a stand-in left.
type result struct {
	code           int
	stdout, stderr string
}

// runAs runs this program at a path in dir, with env added to this process's.
func runAs(t *testing.T, path, dir string, env []string, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(proctest.Context(t), path, args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), stepBin+"="+testBin), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	code := step.ExitCode(cmd.Run())
	return result{code: code, stdout: stdout.String(), stderr: stderr.String()}
}

// writeFiles writes files, given by their names, to a new folder.
func writeFiles(t *testing.T, files map[string]string) string {
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

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
