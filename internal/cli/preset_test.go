package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/internal/version"
	"github.com/dlvgen/dlvgen/variants"
)

func TestAnImageOfAPresetSaysSo(t *testing.T) {
	needBuildKit(t)
	config := filepath.Join(t.TempDir(), "dlvgen.yaml")
	if err := os.WriteFile(config, []byte("variants: {fast: {base: remote, suffix: -dbg, start: continue}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := mustBuild(t, "--config", config, "--variant", "fast", "--dry-run", testenv.Service(t, "hello"))
	var plan variants.Plan
	if err := json.Unmarshal([]byte(strings.Join(out, "\n")), &plan); err != nil {
		t.Fatal(err)
	}
	for label, want := range map[string]string{
		"io.github.dlvgen.preset": "fast", variants.LabelVariant: "remote", variants.LabelStart: "continue",
		// The gateway's images have this one too: those of one source are the same.
		variants.LabelVersion: version.Version(),
	} {
		if got := plan.Config.Config.Labels[label]; got != want {
			t.Errorf("the label %s is %q, want %q", label, got, want)
		}
	}
	if got := plan.Request.Variant.Suffix; got != "-dbg" {
		t.Errorf("the suffix is %q in the plan", got)
	}
}
