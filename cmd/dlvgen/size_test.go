package main

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// TestTheProgramIsSmall looks at what `make build` made, with every Delve for both platforms.
func TestTheProgramIsSmall(t *testing.T) {
	info, err := os.Stat("../../bin/dlvgen")
	if errors.Is(err, fs.ErrNotExist) {
		proctest.Missing(t, "run `make build` first")
	}
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 75_000_000 {
		t.Errorf("bin/dlvgen has %d bytes, want at most 75 MB", info.Size())
	}
	t.Logf("%d bytes", info.Size())
}
