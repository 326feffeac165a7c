package shim

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/shim/manifest"
	"github.com/dlvgen/dlvgen/internal/shim/shimtest"
)

// TestDataOnOtherMountsIsLeftOut has a key among testdata, on a mount that no step is told of.
func TestDataOnOtherMountsIsLeftOut(t *testing.T) {
	proctest.RequireRoot(t)
	root, capture := testedHello(t), t.TempDir()
	secrets := filepath.Join(root, "lib", "testdata", "deep")
	if err := syscall.Mount("tmpfs", secrets, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(secrets, 0); err != nil {
			t.Error(err)
		}
	})
	key := filepath.Join(secrets, "key")
	if err := os.WriteFile(key, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	shimtest.TellMounts(t, capture)
	env := []string{shimtest.Capture + "=" + capture, shimtest.Mounts + "=/proc/self/mountinfo", testsOf(t, "example.com/hello/lib")}
	r := runGo(t, root, env, "build", "-o", "server")
	if r.Code != 0 || r.Stderr != "" {
		t.Fatalf("exit code %d: %s", r.Code, r.Stderr)
	}
	m := readManifest(t, capture)
	if tree := describeTree(t, filepath.Join(capture, m.Test.Data)); strings.Contains(tree, "key") || !strings.Contains(tree, "golden.txt") {
		t.Errorf("captured\n%s", tree)
	}
	if is := func(l manifest.LeftOut) bool { return l.Path == key }; !slices.ContainsFunc(m.LeftOut, is) {
		t.Errorf("left out are %v", m.LeftOut)
	}
}
