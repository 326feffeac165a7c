//go:build !race

// To compress the tools takes long under the race detector.

package tools

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/variants/delve"
)

// TestEmbeddedToolsAreWhatTheirIndexSays unpacks what this program carries. What a first
// build is sent is the stand-in, init and one Delve.
func TestEmbeddedToolsAreWhatTheirIndexSays(t *testing.T) {
	set, err := Embedded()
	if errors.Is(err, ErrNone) {
		proctest.Missing(t, "run `make tools` first")
	}
	if err != nil {
		t.Fatal(err)
	}
	if want := 2 * (len(delve.Versions()) + 2); len(set.Names) < want {
		t.Errorf("%d tools, want those of two platforms, %d", len(set.Names), want)
	}
	for _, platform := range []string{"linux_amd64", "linux_arm64"} {
		var total int64
		for _, tool := range []string{layout.ToolBin, layout.ToolInit, layout.ToolDelve + "/" + delve.Newest} {
			name := set.Names[platform+"/"+tool]
			archive, size := sent(t, set.Mounts[name])
			sum := sha256.Sum256(archive)
			if digits := hex.EncodeToString(sum[:6]); size != int64(len(archive)) || name[len(name)-len(digits):] != digits {
				t.Errorf("%s of %d bytes is %s of %d bytes: run `make tools`", name, size, digits, len(archive))
			}
			total += int64(len(archive))
		}
		if total > 12_000_000 {
			t.Errorf("a first build for %s is sent %d bytes, want at most 12 MB", platform, total)
		}
		t.Logf("%s: %d bytes", platform, total)
	}
}
