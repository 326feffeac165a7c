package depcheck_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/depcheck"
)

// TestTheCommandCompilesForEverySystem is `go vet` for those systems, as far as it finds
// what does not compile.
func TestTheCommandCompilesForEverySystem(t *testing.T) {
	vetted := []string{"-test", "./cmd/...", "./frontend/...", "./internal/buildkit/...", "./internal/cli/...", "./internal/derive/..."}
	for system, args := range map[string][]string{
		"darwin/amd64":  {"./cmd/dlvgen"},
		"darwin/arm64":  vetted,
		"windows/amd64": vetted,
		"windows/arm64": {"./cmd/dlvgen"}, // tests import Delve, which has no such version
	} {
		goos, goarch, _ := strings.Cut(system, "/")
		found, err := depcheck.TypeCheck(t.Context(), "../..", goos, goarch, args...)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range found {
			t.Errorf("%s: %v", system, e)
		}
	}
}

func TestWhatOnlyLinuxHasIsFound(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":      "module example.com/m\n\ngo 1.26\n",
		"main.go":     "package main\n\nfunc main() { lib() }\n",
		"lib_unix.go": "//go:build unix\n\npackage main\n\nimport \"syscall\"\n\nfunc lib() { _ = syscall.Stat_t{}.Ctim }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for goos, want := range map[string]string{"linux": "", "darwin": "Ctim", "windows": "undefined: lib"} {
		found, err := depcheck.TypeCheck(t.Context(), dir, goos, "amd64", "./...")
		if err != nil {
			t.Fatal(err)
		}
		if want == "" && len(found) > 0 || want != "" && (len(found) == 0 || !strings.Contains(found[0].Error(), want)) {
			t.Errorf("%s: found %v, want %q", goos, found, want)
		}
	}
}
