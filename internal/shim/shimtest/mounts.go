// Package shimtest lays out what tests of the shim's packages need of a step.
package shimtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/shim/mounts"
)

// SHM is a folder on a mount that no step is told of.
func SHM(t *testing.T) string {
	t.Helper()
	dir := "/dev/shm/dlvgen-test-" + filepath.Base(filepath.Dir(t.TempDir()))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// TellMounts writes what a step is told of its mounts: that of the test's folders, and more.
func TellMounts(t *testing.T, capture string, more ...string) {
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
