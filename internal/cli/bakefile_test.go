package cli_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
)

// bakeTargets reads targets of the bake file with the real buildx.
func bakeTargets(t *testing.T, names ...string) map[string]bakeTarget {
	t.Helper()
	buildx, err := testenv.Program(t.Context(), "docker-buildx")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(proctest.Context(t), buildx, append([]string{"bake", "--print", "--file", "docker-bake.hcl"}, names...)...)
	cmd.Dir = repoRoot(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var got struct{ Target map[string]bakeTarget }
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	return got.Target
}

type bakeTarget struct {
	Target string
	Args   map[string]string
}

func repoRoot(t *testing.T) string {
	t.Helper()
	root, err := testenv.RepoRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestBakeTargetsAskForTheirVariants(t *testing.T) {
	targets := map[string]string{"_debug": "remote", "_debug-src": "remote-src", "_debug-attach": "attach", "_debug-sidecar": "sidecar"}
	got := bakeTargets(t, slices.Sorted(maps.Keys(targets))...)
	var known []string
	for target, variant := range targets {
		want := map[string]string{"BUILDKIT_SYNTAX": "dlvgen/dlvgen:1", "DLVGEN_VARIANT": variant}
		if diff := cmp.Diff(want, got[target].Args); diff != "" {
			t.Errorf("target %s (-want +got):\n%s", target, diff)
		}
		known = append(known, variant)
	}
	if want := variants.Names(); !slices.Equal(slices.Sorted(slices.Values(known)), slices.Sorted(slices.Values(want))) {
		t.Errorf("the targets are for %q, and the variants are %q", known, want)
	}
}

// noteGo stands for the go command: the file of -o says what it was to build.
const noteGo = `#!/bin/sh
for last; do
	[ "$flag" != -o ] || out=$last
	flag=$last
done
mkdir -p "${out%/*}" && echo "$GOOS/$GOARCH $last" >"$out"
`

// TestBinariesAreMadeForEverySystem runs the script of the target's stage for the platforms
// that the bake file asks for.
func TestBinariesAreMadeForEverySystem(t *testing.T) {
	target := bakeTargets(t, "binaries")["binaries"]
	if target.Target != "binaries" {
		t.Errorf("the target builds the stage %q", target.Target)
	}
	bin, out := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte(noteGo), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(proctest.Context(t), "./hack/binaries", append([]string{out}, strings.Fields(target.Args["PLATFORMS"])...)...)
	cmd.Dir, cmd.Env = repoRoot(t), append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	const dlvgen, buildkitd = " ./cmd/dlvgen\n", " github.com/moby/buildkit/cmd/buildkitd\n"
	want := map[string]string{
		"darwin_amd64/dlvgen": "darwin/amd64" + dlvgen, "darwin_arm64/dlvgen": "darwin/arm64" + dlvgen,
		"linux_amd64/dlvgen": "linux/amd64" + dlvgen, "linux_arm64/dlvgen": "linux/arm64" + dlvgen,
		"linux_amd64/buildkitd": "linux/amd64" + buildkitd, "linux_arm64/buildkitd": "linux/arm64" + buildkitd,
		"windows_amd64/dlvgen.exe": "windows/amd64" + dlvgen, "windows_arm64/dlvgen.exe": "windows/arm64" + dlvgen,
	}
	got, sums := map[string]string{}, map[string]string{}
	for name := range want {
		text, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Error(err)
		}
		got[name], sums[name] = string(text), fmt.Sprintf("%x", sha256.Sum256(text))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	list, err := os.ReadFile(filepath.Join(out, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for line := range strings.Lines(string(list)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		listed[name] = sum
	}
	if diff := cmp.Diff(sums, listed); diff != "" {
		t.Errorf("checksums (-want +got):\n%s", diff)
	}
}
