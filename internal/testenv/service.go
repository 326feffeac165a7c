package testenv

import (
	"os"
	"path/filepath"
	"testing"
)

// Service copies testdata/services/NAME to a folder of the test's own, which it
// may edit, and returns the folder.
func Service(t testing.TB, name string) string {
	t.Helper()
	root, err := RepoRoot()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "testdata", "services", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}
