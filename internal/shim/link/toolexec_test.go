package link

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestResponseFilesAreReadAsToolsReadThem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "args")
	if err := os.WriteFile(file, []byte("-X\nmain.v=a\\nb\\\\n\n-s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Expand([]string{"-o", "x", "@" + file})
	if want := []string{"-o", "x", "-X", "main.v=a\nb\\n", "-s"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("read %q, %v, want %q", got, err, want)
	}
}
