package toolchain

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/dlvgen/dlvgen/internal/shim/environ"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

func TestTheRealGoIsFound(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	moved, goroot := filepath.Join(root, "real", root, "goroot", "bin", "go"), filepath.Join(root, "goroot")
	own, other, links := filepath.Join(root, "bin"), t.TempDir(), t.TempDir()
	for file, content := range map[string]string{own + "/go": "self", goroot + "/bin/go": "self", moved: "real", other + "/go": "other"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.MkdirAll(goroot+"/pkg/tool", 0o755), os.Symlink(goroot+"/bin/go", links+"/go")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, executable, path string
		want                   Toolchain
	}{
		{"over its own path", goroot + "/bin/go", "", Toolchain{moved, goroot}},
		{"in PATH, covered", own + "/go", own + ":" + goroot + "/bin:" + other, Toolchain{moved, goroot}},
		{"in PATH, by a link", own + "/go", own + ":" + links, Toolchain{moved, goroot}},
		{"in PATH, not covered", own + "/go", "/nowhere:" + own + ":" + other, Toolchain{filepath.Join(other, "go"), ""}},
		{"nowhere", own + "/go", own + ":/nowhere", Toolchain{}},
	} {
		s := step.Step{
			Bin: own, Real: filepath.Join(root, "real"),
			Executable: test.executable, Env: []string{"PATH=" + test.path},
		}
		got, err := Find(s)
		if got != test.want || (err != nil) != (test.want == Toolchain{}) {
			t.Errorf("%s: found %v, %v, want %v", test.name, got, err, test.want)
		}
	}
}

func TestGorootIsSetOnlyWhereItIsMissing(t *testing.T) {
	tc := Toolchain{Path: "/.dlvgen/real/go/bin/go", Goroot: "/go"}
	first := tc.Environ(environ.Environ{"A=b"})
	if got := first.Get("GOROOT"); got != "/go" {
		t.Errorf("GOROOT = %q", got)
	}
	if got := tc.Environ(environ.Environ{"GOROOT=/own"}).Get("GOROOT"); got != "/own" {
		t.Errorf("the user's GOROOT became %q", got)
	}
	second := Toolchain{Path: "/.dlvgen/real/go2/bin/go", Goroot: "/go2"}
	if got := second.Environ(first).Get("GOROOT"); got != "/go2" {
		t.Errorf("a second toolchain was given GOROOT = %q", got)
	}
	uncovered := Toolchain{Path: "/opt/go/bin/go"}
	if got := uncovered.Environ(first).Get("GOROOT"); got != "" {
		t.Errorf("a toolchain at its own place was given GOROOT = %q", got)
	}
}
