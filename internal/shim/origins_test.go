package shim

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/shim/mounts"
)

// shm is a folder on a mount that no step is told of.
func shm(t *testing.T) string {
	t.Helper()
	dir := "/dev/shm/dlvgen-test-" + filepath.Base(filepath.Dir(t.TempDir()))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// tellMounts writes what a step is told of its mounts: a test's folders may be captured.
func tellMounts(t *testing.T, capture string, more ...string) {
	t.Helper()
	points, err := mounts.Read("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for dir := mounts.Resolve(t.TempDir()); dir != "/"; dir = filepath.Dir(dir) {
		if points.Has(dir) {
			more = append(more, dir)
			break
		}
	}
	list := "[]"
	if len(more) > 0 {
		list = `["` + strings.Join(more, `","`) + `"]`
	}
	if err := os.WriteFile(filepath.Join(capture, layout.CaptureFrom), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWhatLiesOnOtherMountsIsLeftOutAndListed(t *testing.T) {
	elsewhere := shm(t)
	for name, text := range map[string]string{
		"linked": "package lib\n", "go.mod": helloMod, "overlaid": "package lib\n", "overlay.json": `{"Replace":{"lib/new.go":"` + elsewhere + `/overlaid"}}`,
	} {
		if err := os.WriteFile(filepath.Join(elsewhere, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, capture := hello(t, nil), t.TempDir()
	if err := os.Symlink(filepath.Join(elsewhere, "linked"), filepath.Join(root, "lib", "linked.go")); err != nil {
		t.Fatal(err)
	}
	tellMounts(t, capture)
	env := []string{stepCapture + "=" + capture, stepMounts + "=/proc/self/mountinfo"}
	r := runGo(t, root, env, "build", "-modfile="+elsewhere+"/go.mod", "-overlay="+elsewhere+"/overlay.json")
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	checkSources(t, capture, root, []string{"go.mod", "main.go", "lib/lib.go"})
	if _, err := os.Stat(filepath.Join(r.own(), "src", elsewhere)); !os.IsNotExist(err) {
		t.Errorf("%s was captured, or its folder: %v", elsewhere, err)
	}
	m := readManifest(t, capture)
	var left []string
	for _, l := range m.LeftOut {
		left = append(left, l.Path)
		if want := "it lies on the mount /dev/shm, which is neither a bind nor a cache mount"; l.Reason != want {
			t.Errorf("%s is left out because %s", l.Path, l.Reason)
		}
	}
	want := []string{elsewhere + "/go.mod", root + "/lib/linked.go", root + "/lib/new.go"}
	slices.Sort(want)
	if !slices.Equal(left, want) || m.Sources != 3 {
		t.Errorf("left out are %q and %d files captured, want %q and 3", left, m.Sources, want)
	}
}
