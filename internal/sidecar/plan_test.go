package sidecar

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/variants"
)

func TestASidecarsPlanIsKnown(t *testing.T) {
	for _, v := range variants.Known() {
		if got := Planned(filepath.Join("..", "..", "testdata", "plans", v.Name+".json")); got != (v.Kind == variants.KindSidecar) {
			t.Errorf("the plan of %s is taken for a sidecar's: %t", v.Name, got)
		}
	}
}

func TestAPlanOfALaterFormatIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plan.json")
	if err := os.WriteFile(file, []byte(`{"format": 2, "version": "v9.9.9", "debugger": "/dlv"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	code := Run(nil, Config{Plan: file, Messages: &said})
	if want := `use the dlvgen that derived the image, "v9.9.9"` + "\n"; code != 1 || !strings.HasSuffix(said.String(), want) || strings.Count(said.String(), "\n") != 1 {
		t.Errorf("exit code %d, and it says %q, want one line with %q", code, said.String(), want)
	}
}
