package launch

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/procfs"
	"github.com/dlvgen/dlvgen/internal/proctest"
)

// openFolder is a folder that every user may search, with copies of files in a mode.
func openFolder(t *testing.T, mode string, files map[string]string) string {
	t.Helper()
	proctest.RequireRoot(t)
	dir := t.TempDir()
	for _, name := range []string{filepath.Dir(dir), dir, filepath.Dir(programs.target)} {
		if err := os.Chmod(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for to, from := range files {
		for _, words := range [][]string{{"cp", from, filepath.Join(dir, to)}, {"chown", "0:54321", filepath.Join(dir, to)}, {"chmod", mode, filepath.Join(dir, to)}} {
			if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
				t.Fatalf("%q: %v: %s", words, err, out)
			}
		}
	}
	return dir
}

// asNobody makes a command one of a user without any rights.
func asNobody(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	return cmd
}

// ids are the users and groups of a process.
func ids(pid int) string {
	status := procfs.ReadStatus(pid)
	return fmt.Sprintf("%s / %s", strings.Fields(status["Uid"]), strings.Fields(status["Gid"]))
}

func TestAProgramWithASetIDModeRunsAsInProduction(t *testing.T) {
	for _, mode := range []string{"4755", "2755", "6755"} {
		t.Run(mode, func(t *testing.T) {
			dir := openFolder(t, mode, map[string]string{"server": programs.target, "launcher": os.Args[0]})
			init := filepath.Join(openFolder(t, "755", map[string]string{"init": os.Args[0]}), "init")
			program := filepath.Join(dir, "server")
			alone := launchCommand(t, "", asNobody(program, "serve"))
			want := ids(alone.pid())
			alone.stop(syscall.SIGKILL)
			if !strings.Contains(want, "[65532 0 0 0] /") && !strings.Contains(want, "/ [65532 54321 54321 54321]") {
				proctest.Missing(t, "this test needs a file system that heeds set-user-ID: %s", want)
			}

			addr := proctest.FreeAddress(t)
			p := servingPlan(addr)
			plan := writePlan(t, p)
			p.Request.Entry, p.Program.Real = entryInplace, program
			inplace := writePlan(t, p)
			for _, name := range []string{plan, inplace} {
				if err := os.Chmod(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			command := append([]string{asInit, programs.delve, plan}, delveCommand(addr, "exec", "--continue", program, "--", "serve")...)
			for name, cmd := range map[string]*exec.Cmd{
				"init":     asNobody(init, command...),
				"launcher": asNobody(filepath.Join(dir, "launcher"), asLauncher, programs.delve, inplace, "server", "serve"),
			} {
				c := launchCommand(t, addr, cmd)
				if got := ids(c.pid()); got != want {
					t.Errorf("%s: the program runs as %s, want %s", name, got, want)
				}
				c.stop(syscall.SIGKILL)
				if c.code(soon); !strings.Contains(c.stderr.String(), "starting it without the debugger") {
					t.Errorf("%s: stderr:\n%s", name, c.stderr)
				}
			}
		})
	}
}

// A launcher must not do for its caller what its file's owner may do.
func TestALauncherHasNoRightsOfItsFile(t *testing.T) {
	dir := openFolder(t, "6755", map[string]string{"launcher": os.Args[0], "program": "/bin/true"})
	closed := t.TempDir() // nobody else may write here
	target := filepath.Join(closed, "written")
	out, err := asNobody(filepath.Join(dir, "launcher"), asLauncher, "", "", "server", layout.GrantWord, "00", filepath.Join(dir, "program"), target).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "permission denied") {
		t.Errorf("the error is %v, %s", err, out)
	}
	if _, err := os.Stat(target); !os.IsNotExist(err) {
		t.Errorf("the launcher wrote a file of root's: %v", err)
	}
}

// The file's owner gets the debugger.
func TestTheOwnerDebugsAProgramWithASetIDMode(t *testing.T) {
	dir := openFolder(t, "4755", map[string]string{"server": programs.target})
	addr := proctest.FreeAddress(t)
	p := servingPlan(addr)
	p.Request.Entry, p.Program.Real = entryInplace, filepath.Join(dir, "server")
	c := launch(t, addr, writePlan(t, p), "server", "serve")
	c.debugger(c.pid())
}
