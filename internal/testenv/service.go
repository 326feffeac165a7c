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

// SmallService is the service hello with a program that compiles in a tenth of the time,
// for tests whose builder has no cache.
func SmallService(t testing.TB) string {
	t.Helper()
	dir := Service(t, "hello")
	const program = "package main\n\nimport \"time\"\n\nfunc main() {\n\tfor {\n\t\ttime.Sleep(time.Second)\n\t}\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
