package launch

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/procfs"
	"github.com/dlvgen/dlvgen/internal/proctest"
)

// launcherPlan is the plan of an image whose program has a launcher.
func launcherPlan(t *testing.T, addr string) string {
	t.Helper()
	p := servingPlan(addr)
	p.Request.Entry, p.Program.Real = entryInplace, programs.target
	return writePlan(t, p)
}

// launch starts a launcher under a name, as a shell or a supervisor would.
func launch(t *testing.T, addr, plan, name string, args ...string) *container {
	t.Helper()
	words := append([]string{asLauncher, programs.delve, plan, name}, args...)
	return launchCommand(t, addr, exec.Command(os.Args[0], words...))
}

func TestLauncherIsTheProgramToWhoStartsIt(t *testing.T) {
	addr := proctest.FreeAddress(t)
	plan := launcherPlan(t, addr)
	if got := launch(t, addr, plan, "/bin/third-name", "report", "x").reported().Args; strings.Join(got, " ") != "/bin/third-name report x" {
		t.Errorf("arguments %q", got)
	}
	if got := launch(t, addr, plan, "server", "exit", "9").code(patience); got != 9 {
		t.Errorf("exit code %d, want 9", got)
	}
	c := launch(t, addr, plan, "server", "wait")
	c.pid()
	c.stop(syscall.SIGTERM)
	if got := c.code(soon); got != 143 || !c.died() {
		t.Errorf("exit code %d, died of the signal: %v", got, c.died())
	}
}

func TestOneInstanceHasTheDebuggerAndNoneWaits(t *testing.T) {
	addr := proctest.FreeAddress(t)
	plan := launcherPlan(t, addr)
	var all []*container
	for range 4 {
		all = append(all, launch(t, addr, plan, "server", "serve"))
	}
	debugged := 0
	for _, c := range all {
		pid := c.pid()
		if pid == c.cmd.Process.Pid {
			if !strings.Contains(c.stderr.String(), "another process already has the debugger at "+addr) || strings.Count(c.stderr.String(), "\n") != 1 {
				t.Errorf("stderr:\n%s", c.stderr)
			}
			continue
		}
		debugged++
		c.debugger(pid)
	}
	if debugged != 1 {
		t.Errorf("%d instances have a debugger, want 1", debugged)
	}
	for _, c := range all {
		c.stop(syscall.SIGTERM)
		if got := c.code(soon); got != 7 {
			t.Errorf("exit code %d, want 7", got)
		}
	}
}

func TestLauncherThatIsKilledTakesTheProgramAlong(t *testing.T) {
	addr := proctest.FreeAddress(t)
	c := launch(t, addr, launcherPlan(t, addr), "server", "serve")
	pid := c.pid()
	delve := c.debugger(pid)
	c.stop(syscall.SIGKILL)
	await(t, func() bool { return !procfs.Alive(pid) && !procfs.Alive(delve) })
}

func TestLauncherWithoutAPlanSaysSo(t *testing.T) {
	c := launch(t, "", "/no/plan", "server", "serve")
	if got := c.code(soon); got != 1 || !strings.Contains(c.stderr.String(), "reading the plan") {
		t.Errorf("exit code %d; stderr:\n%s", got, c.stderr)
	}
}

// A program with capabilities of its own (setcap) has them under the debugger too,
// if the file of init has the same.
func TestCapabilitiesOfTheProgramsFileAreGranted(t *testing.T) {
	proctest.RequireRoot(t)
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dir, filepath.Dir(programs.target)} {
		if err := os.Chmod(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program, itself := filepath.Join(dir, "server"), filepath.Join(dir, "init")
	for from, to := range map[string]string{programs.target: program, os.Args[0]: itself} {
		if out, err := exec.Command("cp", from, to).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if out, err := exec.Command("setcap", "cap_net_bind_service=ep", to).CombinedOutput(); err != nil {
			proctest.Missing(t, "this test needs setcap and a file system with capabilities: %v: %s", err, out)
		}
	}
	addr := proctest.FreeAddress(t)
	plan := writePlan(t, servingPlan(addr))
	if err := os.Chmod(filepath.Dir(plan), 0o755); err != nil {
		t.Fatal(err)
	}
	argv := append([]string{asInit, programs.delve, plan}, delveCommand(addr, "--only-same-user=false", "exec", "--continue", program, "--", "serve")...)
	cmd := exec.Command(itself, argv...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	c := launchCommand(t, addr, cmd)
	pid := c.pid()
	status := procfs.ReadStatus(pid)
	const netBindService = 1 << 10 // CAP_NET_BIND_SERVICE
	if status.Mask("CapEff") != netBindService || status.Mask("CapAmb") != 0 {
		t.Errorf("effective %s, ambient %s", status["CapEff"], status["CapAmb"])
	}
	c.debugger(pid)
	client := c.client()
	halt(t, client)
	stopAtBeat(t, client)
	if got := strconv.Itoa(procfs.ReadStatus(pid).Number("PPid")); got != strconv.Itoa(cmd.Process.Pid) {
		t.Errorf("parent %s", got)
	}
}
