package cli_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os/exec"
	"slices"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
)

// TestBakeTargetsAskForTheirVariants reads the bake file with the real buildx.
func TestBakeTargetsAskForTheirVariants(t *testing.T) {
	buildx, err := testenv.Program(t.Context(), "docker-buildx")
	if err != nil {
		t.Fatal(err)
	}
	root, err := testenv.RepoRoot()
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]string{"_debug": "remote", "_debug-src": "remote-src", "_debug-attach": "attach", "_debug-sidecar": "sidecar"}
	args := append([]string{"bake", "--print", "--file", "docker-bake.hcl"}, slices.Sorted(maps.Keys(targets))...)
	cmd := exec.CommandContext(proctest.Context(t), buildx, args...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var got struct {
		Target map[string]struct{ Args map[string]string }
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	var known []string
	for target, variant := range targets {
		want := map[string]string{"BUILDKIT_SYNTAX": "dlvgen/dlvgen:1", "DLVGEN_VARIANT": variant}
		if diff := cmp.Diff(want, got.Target[target].Args); diff != "" {
			t.Errorf("target %s (-want +got):\n%s", target, diff)
		}
		known = append(known, variant)
	}
	if want := variants.Names(); !slices.Equal(slices.Sorted(slices.Values(known)), slices.Sorted(slices.Values(want))) {
		t.Errorf("the targets are for %q, and the variants are %q", known, want)
	}
}
