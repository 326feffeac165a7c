package shim

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestWhatGoRunStartsFindsTheStandIn lets go run switch to a toolchain that has no
// stand-in, which is the machine's own here.
func TestWhatGoRunStartsFindsTheStandIn(t *testing.T) {
	goroot := filepath.Join(testRoot, "goroot")
	real := filepath.Join(testRoot, "real", goroot, "bin", "go")
	step := Step{Bin: filepath.Join(testRoot, "bin"), Executable: filepath.Join(goroot, "bin", "go")}
	other := installedGoroot(t)
	for _, test := range []struct{ goroot, args, want string }{
		{goroot, "run build.go", ""},
		{other, "run build.go", "run -exec='" + step.Bin + "/go' dlvgen-exec build.go"},
		{other, "-C . run -x build.go a", "-C . run -exec='" + step.Bin + "/go' dlvgen-exec -x build.go a"},
		{other, "run -C . build.go", "run -C . -exec='" + step.Bin + "/go' dlvgen-exec build.go"},
		{other, "build .", ""},
		{other, "env", ""},
	} {
		env := environ(os.Environ()).with("GOROOT", test.goroot)
		got := step.runCall(t.Context(), toolchain{path: real}, env, strings.Fields(test.args))
		if strings.Join(got, " ") != test.want {
			t.Errorf("go %s with GOROOT=%s: %q, want %q", test.args, test.goroot, got, test.want)
		}
	}
}

// installedGoroot is the one that testRoot's leads to.
func installedGoroot(t *testing.T) string {
	t.Helper()
	link, err := filepath.EvalSymlinks(filepath.Join(testRoot, "goroot", "pkg"))
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(link)
}

func TestAProgramOfGoRunGetsThePathOfTheStandIns(t *testing.T) {
	own := filepath.Join(testRoot, "bin")
	r := runGoAt(t, filepath.Join(own, "go"), t.TempDir(), []string{"PATH=/usr/bin:/bin"}, execMark, "/bin/sh", "-c", "echo $PATH $0 $1", "zero", "one")
	if got, want := strings.Fields(r.stdout), []string{own + ":/usr/bin:/bin", "zero", "one"}; r.code != 0 || !slices.Equal(got, want) {
		t.Errorf("%d, %q, %q; want %q", r.code, got, r.stderr, want)
	}
}
