//go:build !race

// It reads whole layers, which takes long with the detector.

package cli_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/imagecheck"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
)

// verified are the checks of `dlvgen verify` for an image of one platform.
func verified(t *testing.T, code int, args ...string) []imagecheck.Check {
	t.Helper()
	r := call(t, append([]string{"verify", "--format", "json"}, args...)...)
	var records []struct{ Checks []imagecheck.Check }
	if err := json.Unmarshal([]byte(r.stdout), &records); err != nil || len(records) == 0 || r.code != code {
		t.Fatalf("%q: exit code %d, %v\n%s%s", args, r.code, err, r.stdout, r.stderr)
	}
	var checks []imagecheck.Check
	for _, record := range records {
		checks = append(checks, record.Checks...)
	}
	return checks
}

// not are the checks without a result, by name.
func not(checks []imagecheck.Check, result imagecheck.Result) []string {
	var names []string
	for _, c := range checks {
		if c.Result != result {
			names = append(names, c.Name+": "+string(c.Result)+": "+c.Detail)
		}
	}
	return names
}

func TestHonestImagesPassEveryCheck(t *testing.T) {
	g := buildGuarded(t)
	for _, v := range variants.Known() {
		if bad := not(verified(t, cli.ExitOK, g.reg.Ref(guardedTag+v.Suffix), "--production", g.reg.Ref(guardedTag)), imagecheck.OK); len(bad) > 0 {
			t.Errorf("%s: %q", v.Name, bad)
		}
	}
	// Without production the files are not compared, and its config is by the link.
	bad := not(verified(t, cli.ExitOK, g.reg.Ref(guardedTag+"-debug")), imagecheck.OK)
	if want := []string{"files: not checked: name the production image with --production"}; !slices.Equal(bad, want) {
		t.Errorf("without production: %q, want %q", bad, want)
	}
	dir := testenv.Service(t, "hello")
	tag := g.reg.Ref("cli/verified:v1")
	if solved, err := testenv.SharedBuildKit(t).Solve(proctest.Context(t), testenv.Solve{Context: dir, Dockerfile: "Dockerfile.debian", Push: tag}); err != nil {
		t.Fatalf("%v\n%s", err, solved.Log)
	}
	mustBuild(t, "-t", tag, "-f", filepath.Join(dir, "Dockerfile.debian"), "--variant", "remote-src,attach", "--entry", "inplace", "--push", dir)
	for _, suffix := range []string{"-debug-src", "-debug-attach"} {
		if bad := not(verified(t, cli.ExitOK, tag+suffix, "--production", tag), imagecheck.OK); len(bad) > 0 {
			t.Errorf("Debian, %s: %q", suffix, bad)
		}
	}
	if r := call(t, "verify", tag); r.code != cli.ExitFailure || !strings.Contains(r.stderr, "is no debug image of dlvgen") {
		t.Errorf("production was verified: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}
