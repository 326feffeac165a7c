package launch

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/planfile"
	"github.com/dlvgen/dlvgen/internal/proctest"
)

// reported is what the target says of itself.
type reported struct {
	Args, Env, Files, Status []string
	Dir, Input               string
	Umask                    int
	Leader                   bool
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
	c := run(t, proctest.FreeAddress(t), []string{"-y", "two words"})
	if got := c.reported().Args; !slices.Equal(got, []string{programs.target, "-y", "two words"}) {
		t.Errorf("arguments %q", got)
	}
	if got := c.code(patience); got != 0 {
		t.Errorf("exit code %d, want 0", got)
	}
}

func TestProgramThatCannotBeDebuggedRunsAlone(t *testing.T) {
	t.Parallel()
	p := planfile.Plan{Command: delveCommand("127.0.0.1:0", "exec", programs.target)}
	cmd := initCommand(writePlan(t, p), []string{"sh", "-c", "echo pid $$; exit 3"})
	c := launchCommand(t, "", cmd)
	if got := c.pid(); got != cmd.Process.Pid {
		t.Errorf("it is process %d, want init's own %d", got, cmd.Process.Pid)
	}
	if got := c.code(patience); got != 3 {
		t.Errorf("exit code %d, want 3", got)
	}
}

// The whole point: what the program sees under the debugger is what it sees without,
// also through the first stage, which a kernel with Yama needs.
func TestProgramSeesWhatItSeesInProduction(t *testing.T) {
	dir := t.TempDir()
	start := func(t *testing.T, argv ...string) reported {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = []string{"PATH=" + filepath.Dir(programs.target) + ":/bin", "A=1", "B=two words", "XDG_CONFIG_HOME=/mine"}
		cmd.Dir = dir
		cmd.Stdin = strings.NewReader("typed")
		cmd.ExtraFiles = []*os.File{os.Stderr}
		return launchCommand(t, "", cmd).reported()
	}
	want := start(t, programs.target, "report", "two words")
	for _, role := range []string{asInit, asStaged} {
		t.Run(role, func(t *testing.T) {
			addr := proctest.FreeAddress(t)
			p := servingPlan(addr)
			p.Production.Cmd, p.Program.Args = nil, []string{"report", "two words"}
			p.Production.Entrypoint = []string{"/sbin/tini", "--", "target", "report", "two words"}
			p.Prefix = p.Production.Entrypoint[:2]
			p.Command = append(delveCommand(addr, "exec", "--continue", programs.target, "--"), "report", "two words")
			got := start(t, append([]string{os.Args[0], role, programs.delve, writePlan(t, p)}, p.Command...)...)
			if got.Args[0] != "target" {
				t.Errorf("argv[0] is %q, want production's", got.Args[0])
			}
			got.Args[0], got.Leader = want.Args[0], want.Leader // As PID 1 it would be one.
			if !reflect.DeepEqual(got, want) {
				t.Errorf("under the debugger\n%+v\nin production\n%+v", got, want)
			}
		})
	}
}

func TestDelveOnASocketFileIsServedToo(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "dlv.sock")
	c := run(t, "", append(delveCommand("unix:"+socket, "exec", "--continue", programs.target, "--"), "panic"))
	if got := c.code(patience); got != 2 { // Only Delve's RPC can tell that it panics.
		t.Errorf("exit code %d, want 2", got)
	}
}

func TestModeIsChosenAtRunTime(t *testing.T) {
	for value, check := range map[string]func(*testing.T, *container){
		"hold": func(t *testing.T, c *container) {
			stopAtBeat(t, c.client())
		},
		"continue": func(_ *testing.T, c *container) { c.pid() },
		"off": func(t *testing.T, c *container) {
			if got := c.pid(); got != c.cmd.Process.Pid {
				t.Errorf("it is process %d, want init's own %d", got, c.cmd.Process.Pid)
			}
		},
		"of": func(t *testing.T, c *container) {
			if got := c.code(soon); got != 1 || strings.Count(c.stderr.String(), "\n") != 1 {
				t.Errorf("exit code %d, want 1; stderr:\n%s", got, c.stderr)
			}
		},
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			addr := proctest.FreeAddress(t)
			p := servingPlan(addr)
			cmd := initCommand(writePlan(t, p), p.Command)
			cmd.Env = append(os.Environ(), modeVariable+"="+value)
			check(t, launchCommand(t, addr, cmd))
		})
	}
	t.Run("and the program does not see it", func(t *testing.T) {
		addr := proctest.FreeAddress(t)
		p := servingPlan(addr)
		cmd := initCommand(writePlan(t, p), append(delveCommand(addr, "exec", programs.target, "--"), "report"))
		cmd.Env = []string{modeVariable + "=continue"}
		if got := launchCommand(t, addr, cmd).reported().Env; len(got) != 0 {
			t.Errorf("environment %q, want none", got)
		}
	})
}
