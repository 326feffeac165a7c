package sidecar

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/procfs"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/go-delve/delve/service/api"
)

func TestStrippedProgramIsDebuggedWithItsSymbols(t *testing.T) {
	t.Parallel()
	target := program(t, programs.production)
	sidecar, client := attach(t, target, productionPlan(t))
	stopAtLine(t, client, "target")
	args, err := client.ListFunctionArgs(api.EvalScope{GoroutineID: -1}, api.LoadConfig{})
	if err != nil || len(args) == 0 || args[0].Name != "n" || args[0].Value == "" {
		t.Errorf("arguments %+v, %v", args, err)
	}
	sidecar.signal(syscall.SIGTERM)
	if got := sidecar.code(); got != 0 {
		t.Errorf("exit code %d, want 0", got)
	}
	target.beats()
	sidecar.says("continues without the debugger")
}

func TestASidecarThatIsIdleEnds(t *testing.T) {
	t.Parallel()
	target := program(t, programs.production)
	cmd := sidecarOf(writePlan(t, productionPlan(t)), []*running{target})
	cmd.Env = append(os.Environ(), idleVariable+"=100ms")
	sidecar := start(t, cmd, syscall.SIGTERM)
	if got := sidecar.code(); got != 0 {
		t.Errorf("exit code %d, want 0", got)
	}
	target.beats()
	sidecar.says("nobody was connected for 100ms")
	sidecar.says("continues without the debugger")
}

func TestASidecarEndsWithItsClientWhereItIsToldTo(t *testing.T) {
	t.Parallel()
	target, p := program(t, programs.production), productionPlan(t)
	cmd := sidecarOf(writePlan(t, p), []*running{target})
	cmd.Env = append(os.Environ(), idleVariable+"=1h")
	sidecar := start(t, cmd, syscall.SIGTERM)
	client := connect(t, sidecar, p.listen())
	if _, err := client.Halt(); err != nil {
		t.Fatal(err)
	}
	_ = client.Detach(false) // its answer may not come any more
	if got := sidecar.code(); got != 0 {
		t.Errorf("exit code %d, want 0", got)
	}
	target.beats()
	sidecar.says("a client has ended the debugger")
}

func TestProgramWithItsOwnDebugInformationNeedsNoSymbols(t *testing.T) {
	t.Parallel()
	p := productionPlan(t)
	p.Program.Path, p.Symbols = programs.debug, nil
	target := program(t, programs.debug)
	_, client := attach(t, target, p)
	if _, err := client.Halt(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateBreakpoint(&api.Breakpoint{FunctionName: "main.work", Line: -1}); err != nil {
		t.Fatal(err)
	}
	if state := <-client.Continue(); state.Err != nil || state.CurrentThread.Function.Name() != "main.work" {
		t.Errorf("state %+v", state)
	}
}

func TestProgramWithSharedLibrariesIsDebugged(t *testing.T) {
	t.Parallel()
	proctest.RequirePrograms(t, "gcc")
	dir := t.TempDir()
	path, symbols := filepath.Join(dir, "server"), filepath.Join(dir, "symbols")
	if err := buildTwice(path, symbols, "1", "./testdata/cgo"); err != nil {
		t.Fatal(err)
	}
	target := program(t, path)
	sidecar, client := attach(t, target, planOf(t, path, symbols))
	stopAtLine(t, client, "cgo")
	sidecar.signal(syscall.SIGTERM)
	if got := sidecar.code(); got != 0 {
		t.Errorf("exit code %d, want 0", got)
	}
	target.beats()
}

func TestSymbolsOfAnotherBuildAreRefused(t *testing.T) {
	t.Parallel()
	code, err := os.ReadFile(programs.production)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(code))
	if err != nil {
		t.Fatal(err)
	}
	text := f.Section(".text")
	code[text.Offset+text.Size-1] ^= 1 // padding: the program runs as before
	changed := filepath.Join(t.TempDir(), "server")
	if err := os.WriteFile(changed, code, 0o755); err != nil {
		t.Fatal(err)
	}
	p := productionPlan(t)
	target := program(t, changed)
	refused(t, sidecarOf(writePlan(t, p), []*running{target}), fmt.Sprintf(
		"process %d (%s) is not the build that this image's symbols are for: its section .text differs (%d bytes, %d in the symbols; its build id is %q, that of the symbols %q)",
		target.pid(), changed, text.Size, text.Size, p.Symbols.BuildID, p.Symbols.BuildID))
	p.Symbols = nil
	refused(t, sidecarOf(writePlan(t, p), []*running{target}), "it has no debug information", "this image has no symbols for it")
	if tracer := procfs.Tracer(target.pid()); tracer != 0 {
		t.Errorf("process %d traces it", tracer)
	}
	target.beats()
}

// refused runs a sidecar that has to end with exit code 1 and say these parts.
func refused(t *testing.T, cmd *exec.Cmd, says ...string) {
	t.Helper()
	r := start(t, cmd, syscall.SIGTERM)
	if got := r.code(); got != 1 {
		t.Errorf("exit code %d, want 1", got)
	}
	for _, part := range says {
		if !strings.Contains(r.output.String(), part) {
			t.Errorf("%q is missing in:\n%s", part, r.output)
		}
	}
}

func TestProcessIsChosen(t *testing.T) {
	t.Parallel()
	parent := program(t, programs.production, "parent")
	twin := program(t, programs.production)
	other := program(t, programs.debug)
	p := productionPlan(t)
	among := []*running{other, parent, twin}
	plan := writePlan(t, p)

	refused(t, sidecarOf(plan, among), "2 processes match",
		fmt.Sprintf(`process %d (%s) with arguments ["parent"]`, parent.pid(), programs.production),
		fmt.Sprintf("process %d (%s)", twin.pid(), programs.production))
	refused(t, sidecarOf(plan, []*running{other}), "no process runs it", fmt.Sprintf("process %d", other.pid()))
	refused(t, sidecarOf(plan, nil), "the PID namespace is not shared")

	for name, tt := range map[string]struct {
		among []*running
		args  []string
		want  *running
	}{
		"by itself":  {[]*running{other, twin}, nil, twin},
		"by PID":     {among, []string{fmt.Sprint(twin.pid())}, twin},
		"by name":    {among, []string{"debug"}, other},
		"once again": {[]*running{other, twin}, nil, twin}, // the first has let it go
	} {
		sidecar := start(t, sidecarOf(plan, tt.among, tt.args...), syscall.SIGTERM)
		connect(t, sidecar, p.listen())
		sidecar.says(fmt.Sprintf("attaching to process %d (", tt.want.pid()))
		sidecar.signal(syscall.SIGTERM)
		if got := sidecar.code(); got != 0 {
			t.Errorf("%s: exit code %d, want 0", name, got)
		}
		tt.want.beats()
	}
}

func TestClientThatDetachesLeavesTheProgramAndTheServer(t *testing.T) {
	t.Parallel()
	p := productionPlan(t)
	target := program(t, programs.production)
	sidecar, client := attach(t, target, p)
	stopAtLine(t, client, "target")
	if err := client.Detach(false); err != nil {
		t.Fatal(err)
	}
	sidecar.says("attaching again")
	target.beats()
	stopAtLine(t, connect(t, sidecar, p.listen()), "target")
}

func TestSidecarEndsWithTheProgramOnceNobodyIsConnected(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(programs.production, "end")
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	target := start(t, cmd, syscall.SIGKILL)
	sidecar, client := attach(t, target, productionPlan(t))
	if err := input.Close(); err != nil {
		t.Fatal(err)
	}
	sidecar.says("has exited; the sidecar exits when no client is connected")
	if target.code() != 3 {
		t.Errorf("exit code %d of the program, want 3", target.code())
	}
	select {
	case <-sidecar.exited:
		t.Fatal("it has ended under the client")
	default:
	}
	_ = client.Disconnect(false)
	if got := sidecar.code(); got != 0 {
		t.Errorf("exit code %d, want 0", got)
	}
}

func TestSidecarThatIsToldToEndAtOnceLetsTheProgramGo(t *testing.T) {
	t.Parallel()
	target := program(t, programs.production)
	sidecar := start(t, sidecarOf(writePlan(t, productionPlan(t)), []*running{target}), syscall.SIGTERM)
	await(t, func() bool { return procfs.Tracer(target.pid()) != 0 }, "the debugger to attach")
	sidecar.signal(syscall.SIGINT)
	if got := sidecar.code(); got != 0 {
		t.Errorf("exit code %d, want 0", got)
	}
	target.beats()
}

func TestProgramOutlivesADebuggerThatDies(t *testing.T) {
	t.Parallel()
	target := program(t, programs.production)
	sidecar, _ := attach(t, target, productionPlan(t))
	if err := syscall.Kill(processOf(procfs.Tracer(target.pid())), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if got := sidecar.code(); got == 0 {
		t.Error("exit code 0")
	}
	sidecar.says("the debugger failed (signal: killed)")
	target.beats()
}

// TestProgramOutlivesADebuggerThatHangs has the program stand at a breakpoint of a debugger that
// does not let it go, and is killed.
func TestProgramOutlivesADebuggerThatHangs(t *testing.T) {
	t.Parallel()
	target := program(t, programs.production)
	sidecar, client := attach(t, target, productionPlan(t))
	stopAtLine(t, client, "target")
	if err := syscall.Kill(processOf(procfs.Tracer(target.pid())), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	sidecar.signal(syscall.SIGTERM)
	if got := sidecar.code(); got != 0 {
		t.Errorf("exit code %d, want 0", got)
	}
	target.beats()
	target.beats()
	if tracer := procfs.Tracer(target.pid()); tracer != 0 {
		t.Errorf("process %d traces it", tracer)
	}
}

// processOf is the process of a thread.
func processOf(thread int) int { return procfs.ReadStatus(thread).Number("Tgid") }

func TestProgramThatIsStoppedByItsDebuggersEndIsWoken(t *testing.T) {
	t.Parallel()
	target := program(t, programs.production)
	s := server{target: process{pid: target.pid()}}
	target.signal(syscall.SIGSTOP)
	await(t, func() bool { return procfs.State(target.pid()) == procfs.StateStopped }, "it to stop")
	s.stopped = true // by somebody else before
	s.wake()
	if procfs.State(target.pid()) != procfs.StateStopped {
		t.Error("what others have stopped was woken")
	}
	s.stopped = false
	s.wake()
	target.beats()
}

func TestProgramThatHasADebuggerIsRefused(t *testing.T) {
	t.Parallel()
	p := productionPlan(t)
	target := program(t, programs.production)
	attach(t, target, p)
	refused(t, sidecarOf(writePlan(t, p), []*running{target}),
		fmt.Sprintf("process %d (%s) is already traced by process", target.pid(), programs.production), "(dlv):")
}

func TestDebuggerThatCannotServeFailsTheSidecar(t *testing.T) {
	t.Parallel()
	p := productionPlan(t)
	target := program(t, programs.production)
	p.Debugger[1] = "--listen=192.0.2.1:1" // TEST-NET-1, nobody's address
	refused(t, sidecarOf(writePlan(t, p), []*running{target}), "the debugger cannot listen at 192.0.2.1:1: ")
	p.Debugger[1] = "--listen=" + proctest.FreeAddress(t)
	p.Debugger = append(p.Debugger, "--no-such-flag")
	refused(t, sidecarOf(writePlan(t, p), []*running{target}), "the debugger failed (exit status 0)") // as Delve says of its flags
	p.Debugger[0] = "/no/such/dlv"
	refused(t, sidecarOf(writePlan(t, p), []*running{target}), "starting the debugger: fork/exec /no/such/dlv")
	target.beats()
}

func TestProgramOfAnotherUserNamesTheRemedy(t *testing.T) {
	t.Parallel()
	proctest.RequireRoot(t)
	target := program(t, programs.production)
	cmd := sidecarOf(writePlan(t, productionPlan(t)), []*running{target})
	self := filepath.Join(t.TempDir(), "self") // go test's own folder is closed to others
	if err := os.Chmod(filepath.Dir(filepath.Dir(self)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(self), 0o755); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(self, data, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd.Path = self
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	refused(t, cmd, fmt.Sprintf("process %d (server) cannot be inspected: give it the capability SYS_PTRACE", target.pid()))
}

func TestPlanThatCannotBeReadIsAnError(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"broken": "{", "empty": "{}"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, exec.Command(os.Args[0], asSidecar, path, "all"), "reading the plan at "+path)
	}
	refused(t, exec.Command(os.Args[0], asSidecar, filepath.Join(dir, "none"), "all"), "reading the plan: open")
}
