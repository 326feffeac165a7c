package shim

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMountPointsAreNotRemoved(t *testing.T) {
	dir := writeModule(t, map[string]string{
		"go/bin/go": "mount point", "go/bin/gofmt": "", "go/src/fmt/print.go": "",
		"gopath/pkg/mod/cache/lock": "", "gopath/pkg/sumdb/x": "", "other/file": "",
	})
	if err := os.Symlink("gopath", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	points, err := readMounts(writeMounts(t, "/", "/proc", dir+"/go/bin/go", dir+"/gopath/pkg/mod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args, want string
		operands   int
	}{
		{"-rf other", "-rf other", 1},
		{"-rf go other", "-rf go/bin/gofmt go/src other", 3},
		{"-rf ./go/", "-rf go/bin/gofmt go/src", 2},
		{"-rf gopath", "-rf gopath/pkg/sumdb", 1},
		{"-rf gopath/pkg/mod", "-rf", 0},
		{"gopath/pkg/mod -r --force", "-r --force", 0},
		{"--recursive -- gopath/pkg/mod other", "--recursive -- other", 1},
		{"-f go/bin/go", "-f", 0},
		{"-f go", "-f go", 1},
		{"-rf link", "-rf link", 1},
		{"-rf link/pkg", "-rf link/pkg/sumdb", 1},
		{"-rf gopath/pkg/mod/cache", "-rf gopath/pkg/mod/cache", 1},
		{"-rf missing", "-rf missing", 1},
		{"-rf /", "-rf /", 1},
		{"-- -rf", "-- -rf", 1},
		{"", "", 0},
	} {
		got, operands := aroundMounts(strings.Fields(test.args), points)
		if strings.Join(got, " ") != test.want || operands != test.operands {
			t.Errorf("rm %s: %q with %d operands, want %q with %d", test.args, got, operands, test.want, test.operands)
		}
	}
}

func TestRemovingRunsTheRealProgram(t *testing.T) {
	dir := writeModule(t, map[string]string{"a": "", "b": ""})
	rm := filepath.Join(t.TempDir(), "rm")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := copyProgram(self, rm); err != nil {
		t.Fatal(err)
	}
	if r := runGoAt(t, rm, dir, nil, "a"); r.code != 0 || r.stderr != "" {
		t.Errorf("rm a: %d, %q", r.code, r.stderr)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 {
		t.Errorf("left are %q, %v", left, err)
	}
	if r := runGoAt(t, rm, dir, nil, "missing"); r.code != 1 || !strings.Contains(r.stderr, "missing") {
		t.Errorf("rm missing: %d, %q", r.code, r.stderr)
	}
	if r := runGoAt(t, rm, dir, nil); r.code != 1 || !strings.Contains(r.stderr, "missing operand") {
		t.Errorf("rm: %d, %q", r.code, r.stderr)
	}
}
