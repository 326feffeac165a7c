package shim

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dlvgen/dlvgen/internal/shim/shimtest"
)

func TestWhatLiesOnOtherMountsIsLeftOutAndListed(t *testing.T) {
	elsewhere := shimtest.SHM(t)
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
	shimtest.TellMounts(t, capture)
	env := []string{shimtest.Capture + "=" + capture, shimtest.Mounts + "=/proc/self/mountinfo"}
	r := runGo(t, root, env, "build", "-modfile="+elsewhere+"/go.mod", "-overlay="+elsewhere+"/overlay.json")
	if r.Code != 0 || r.Stderr != "" {
		t.Fatalf("exit code %d: %s", r.Code, r.Stderr)
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
