package launch

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// reported is what the target says of itself.
type reported struct {
	Args, Env []string
	Dir       string
}

func (c *container) reported() reported {
	c.t.Helper()
	var r reported
	if err := json.Unmarshal([]byte("{"+c.line("{")), &r); err != nil {
		c.t.Fatal(err)
	}
	return r
}

func TestReplacedArgumentsReachTheProgram(t *testing.T) {
	t.Parallel()
	c := run(t, freeAddress(t), []string{"-y", "two words"})
	if got := c.reported().Args; !slices.Equal(got, []string{programs.target, "-y", "two words"}) {
		t.Errorf("arguments %q", got)
	}
	if got := c.code(patience); got != 0 {
		t.Errorf("exit code %d, want 0", got)
	}
}

func TestProgramThatCannotBeDebuggedRunsAlone(t *testing.T) {
	t.Parallel()
	plan := writePlan(t, Production{}, delveCommand("127.0.0.1:0", "exec", programs.target))
	cmd := exec.Command(os.Args[0], asInit, programs.delve, plan, "sh", "-c", "echo pid $$; exit 3")
	c := launchCommand(t, "", cmd)
	if got := c.pid(); got != cmd.Process.Pid {
		t.Errorf("it is process %d, want init's own %d", got, cmd.Process.Pid)
	}
	if got := c.code(patience); got != 3 {
		t.Errorf("exit code %d, want 3", got)
	}
}

// Delve itself adds CGO_CFLAGS (cmd/dlv, main) and, through os/exec, PWD; init
// adds nothing.
func TestProgramHasTheContainersEnvironment(t *testing.T) {
	t.Parallel()
	addr := freeAddress(t)
	dir := t.TempDir()
	argv := append(delveCommand(addr, "exec", "--continue", programs.target, "--"), "report")
	cmd := exec.Command(os.Args[0], append([]string{asInit, programs.delve, "/no/plan"}, argv...)...)
	cmd.Env = []string{"PATH=/bin", "A=1", "B=two words"}
	cmd.Dir = dir
	got := launchCommand(t, addr, cmd).reported()
	if want := slices.Concat(cmd.Env, []string{"CGO_CFLAGS=-O0 -g", "PWD=" + dir}); !slices.Equal(got.Env, want) {
		t.Errorf("environment %q, want %q", got.Env, want)
	}
	if got.Dir != dir {
		t.Errorf("working directory %s, want %s", got.Dir, dir)
	}
}

func TestDelveOnASocketFileIsServedToo(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "dlv.sock")
	c := run(t, "", append(delveCommand("unix:"+socket, "exec", programs.target, "--"), "serve"))
	awaitChild(t, c.cmd.Process.Pid)
	c.stop(syscall.SIGTERM) // Held: only Delve's RPC can let it go.
	if got := c.code(3 * soon); got != 143 {
		t.Errorf("exit code %d, want 143", got)
	}
	if out := c.stderr.String(); strings.Contains(out, "does not let the program go") {
		t.Errorf("Delve was not reached:\n%s", out)
	}
}
