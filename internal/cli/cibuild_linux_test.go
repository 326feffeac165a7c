//go:build !race

// Shells start the test program, which has nothing new for the detector.

package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// newBuildingRunner has dlvgen itself, and the shared BuildKit.
func newBuildingRunner(t *testing.T) *runner {
	t.Helper()
	r := newRunner(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(r.bin, "dlvgen")
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	r.env[callEnv], r.env["BUILDKIT_HOST"] = "1", testenv.SharedBuildKit(t).Addr
	return r
}

// digests compares what a CI system gets with the registry.
func digests(t *testing.T, reg *testenv.Registry, output string, tags ...string) {
	t.Helper()
	var list []struct{ Variant, Ref, Digest string }
	if err := json.Unmarshal([]byte(output), &list); err != nil || len(list) != len(tags) {
		t.Fatalf("%v in %q", err, output)
	}
	for i, tag := range tags {
		if got := list[i]; got.Variant != "remote" || got.Ref != reg.Ref(tag) || got.Digest != digestOf(t, reg, tag) {
			t.Errorf("got %+v, want %s", got, tag)
		}
	}
}

func TestCIPushesDebugImages(t *testing.T) {
	reg := needBuildKit(t)
	service := testenv.Service(t, "hello")
	t.Run("action", func(t *testing.T) {
		a, r := readAction(t), newBuildingRunner(t)
		got := r.run(t, a, a.step(t, "Build"), map[string]string{
			"context": service, "push": "true", "tags": reg.Ref("ci/action:v1") + "\n" + reg.Ref("ci/action:v1.0"), "secrets": "unused=value",
		})
		if got.code != cli.ExitOK {
			t.Fatalf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
		}
		outputs := r.outputs(t)
		digests(t, reg, outputs["digests"], "ci/action:v1-debug", "ci/action:v1.0-debug")
		var metadata map[string]map[string]any
		if err := json.Unmarshal([]byte(outputs["metadata"]), &metadata); err != nil || metadata["remote"]["containerimage.digest"] != digestOf(t, reg, "ci/action:v1-debug") {
			t.Errorf("%v in %q", err, outputs["metadata"])
		}
	})
	t.Run("GitLab", func(t *testing.T) {
		r := newBuildingRunner(t)
		_, job := readGitLab(t, map[string]string{"context": service, "tags": "$CI_REGISTRY_IMAGE:$CI_COMMIT_SHA"})
		got := r.runJob(t, job, map[string]string{"CI_REGISTRY_IMAGE": reg.Ref("ci/gitlab"), "CI_COMMIT_SHA": "0123abcd"})
		if got.code != cli.ExitOK {
			t.Fatalf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
		}
		output, err := os.ReadFile(filepath.Join(r.dir, "work", "dlvgen.json"))
		if err != nil {
			t.Fatal(err)
		}
		digests(t, reg, string(output), "ci/gitlab:0123abcd-debug")
	})
}
