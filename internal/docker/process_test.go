package docker

import (
	"os"
	"path/filepath"
	"testing"
)

func TestProgramIsFoundByItsExecutableAndCountedInside(t *testing.T) {
	proc := t.TempDir()
	for pid, process := range map[string]struct{ exe, status string }{
		"100": {"/sbin/tini", "Name:\ttini\nNSpid:\t100\t1\n"},
		"101": {"/app/server", "Name:\tserver\nNSpid:\t101\t7\n"},
		"102": {"", "Name:\tserver\nNSpid:\t102\t5\t8\n"},
		"103": {"/app/server", "Name:\told kernel\n"},
	} {
		dir := filepath.Join(proc, pid)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "status"), []byte(process.status), 0o644); err != nil {
			t.Fatal(err)
		}
		if process.exe != "" {
			if err := os.Symlink(process.exe, filepath.Join(dir, "exe")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		pid, args string
		runs      bool
		inside    int
	}{
		{"100", "/sbin/tini -- server", false, 1},
		{"101", "whatever it calls itself", true, 7},
		{"102", "./server -v", true, 8},
		{"103", "server", true, 0},
		{"104", "gone", false, 0},
	} {
		inside, ok := pidInside(proc, test.pid)
		if inside != test.inside || ok != (test.inside != 0) {
			t.Errorf("%s: counted as %d, %v, want %d", test.pid, inside, ok, test.inside)
		}
		if got := runs(proc, test.pid, test.args, "/usr/bin/server"); got != test.runs {
			t.Errorf("%s: runs the program: %v, want %v", test.pid, got, test.runs)
		}
	}
}
