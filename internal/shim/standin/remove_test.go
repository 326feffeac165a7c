package standin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/shim/shimtest"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

// What a call becomes is compared with the real rm in TestRemovalsAreThoseOfProduction;
// this says it where no mounts can be made.
func TestMountPointsAreNotRemoved(t *testing.T) {
	dir := proctest.Files(t, map[string]string{
		"go/bin/go": "mount point", "go/bin/gofmt": "", "go/src/fmt/print.go": "",
		"gopath/pkg/mod/cache/lock": "", "gopath/pkg/sumdb/x": "", "other/file": "",
	})
	if err := os.Symlink("gopath", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	table := ""
	for _, point := range []string{"/", "/proc", dir + "/go/bin/go", dir + "/gopath/pkg/mod"} {
		table += "36 35 98:0 /" + layout.CachePrefix + "x " + point + " rw,noatime master:1 - ext3 /dev/root rw\n"
	}
	mountinfo := filepath.Join(t.TempDir(), "mountinfo")
	if err := os.WriteFile(mountinfo, []byte(table), 0o644); err != nil {
		t.Fatal(err)
	}
	s := step.Step{Real: "/no/real", Mountinfo: mountinfo}
	for args, want := range map[string]string{
		"-rf other": "", "-f go": "", "-rf missing": "", "-rf /": "", "-- -rf": "", "": "", "-f gopath/pkg/mod": "", "-rf go/src/..": "", "-rf .": "",
		"-rf link": "", "-rf gopath/pkg/mod/cache": "",
		"-rf go other":                        "-rf go/bin/gofmt go/src other",
		"-rf ./go/":                           "-rf ./go/bin/gofmt ./go/src",
		"-rf gopath":                          "-rf gopath/pkg/sumdb",
		"-rf gopath/pkg/mod":                  "-rf -f",
		"gopath/pkg/mod -r --force":           "-r --force -f",
		"--recursive -- gopath/pkg/mod other": "--recursive -- other",
		"--rec -- gopath/pkg/mod":             "--rec -f",
		"-f go/bin/go":                        "-f -f",
		"-rf link/pkg":                        "-rf link/pkg/sumdb",
	} {
		r, err := aroundMounts(s, "", strings.Fields(args))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(r.args, " "); r.edits() != (want != "") || want != "" && got != want {
			t.Errorf("rm %s: %q, edited %v, want %q", args, got, r.edits(), want)
		}
	}
}

func TestRemovingRunsTheRealProgram(t *testing.T) {
	dir := proctest.Files(t, map[string]string{"a": "", "b": ""})
	rm := filepath.Join(t.TempDir(), "rm")
	if err := shimtest.CopySelf(rm); err != nil {
		t.Fatal(err)
	}
	if r := shimtest.Run(proctest.Context(t), rm, dir, nil, "a"); r.Code != 0 || r.Stderr != "" {
		t.Errorf("rm a: %d, %q", r.Code, r.Stderr)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 {
		t.Errorf("left are %q, %v", left, err)
	}
	if r := shimtest.Run(proctest.Context(t), rm, dir, nil, "missing"); r.Code != 1 || !strings.Contains(r.Stderr, "missing") {
		t.Errorf("rm missing: %d, %q", r.Code, r.Stderr)
	}
	if r := shimtest.Run(proctest.Context(t), rm, dir, nil); r.Code != 1 || !strings.Contains(r.Stderr, "missing operand") {
		t.Errorf("rm: %d, %q", r.Code, r.Stderr)
	}
}
