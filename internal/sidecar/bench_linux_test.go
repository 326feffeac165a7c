package sidecar

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/planfile"
	"github.com/dlvgen/dlvgen/internal/procfs"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/go-delve/delve/service/api"
	"github.com/go-delve/delve/service/rpc2"
)

// asSidecar as the first argument turns the test program into a sidecar. The words
// after it are the plan, the PIDs to look among ("all" for those of the namespace), and
// the sidecar's own arguments.
const asSidecar = "as-sidecar"

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// programs are what the tests start, built once: debug has its own debug information,
// production is stripped, and symbols is the same link with debug information.
var programs struct{ delve, debug, production, symbols string }

func TestMain(m *testing.M) {
	proctest.RunToolexec()
	if len(os.Args) > 3 && os.Args[1] == asSidecar {
		os.Exit(runSidecar(os.Args[2], os.Args[3], os.Args[4:]))
	}
	dir, err := os.MkdirTemp("", "sidecar")
	if err == nil {
		err = buildPrograms(dir)
	}
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func runSidecar(plan, pids string, args []string) int {
	c := Config{Plan: plan, DelveConfig: filepath.Dir(plan)}
	if pids != "all" {
		c.Processes = func() []int {
			var list []int
			for word := range strings.SplitSeq(pids, ",") {
				pid, _ := strconv.Atoi(word)
				list = append(list, pid)
			}
			return list
		}
	}
	return Run(args, c)
}

func buildPrograms(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	programs.delve = filepath.Join(dir, "dlv")
	programs.debug = filepath.Join(dir, "debug")
	programs.production = filepath.Join(dir, "server")
	programs.symbols = filepath.Join(dir, "symbols")
	if err := proctest.Delve(programs.delve); err != nil {
		return err
	}
	if err := build(nil, "-o", programs.debug, "-gcflags=all=-N -l", "./testdata/target"); err != nil {
		return err
	}
	return buildTwice(programs.production, programs.symbols, "0", "./testdata/target")
}

// buildTwice builds a stripped program, and what its link makes without -s -w.
func buildTwice(production, symbols, cgo, pkg string) error {
	env, args, err := proctest.SecondLink(symbols)
	if err != nil {
		return err
	}
	return build(append(env, "CGO_ENABLED="+cgo), append(args, "-o", production, pkg)...)
}

func build(env []string, args ...string) error {
	cmd := exec.Command("go", append([]string{"build", "-trimpath"}, args...)...)
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %v: %w\n%s", args, err, out)
	}
	return nil
}

// running is a process that a test has started.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	output *proctest.Output
	exited chan struct{}
}

// start starts a process that is ended by sig with the test.
func start(t *testing.T, cmd *exec.Cmd, sig syscall.Signal) *running {
	t.Helper()
	r := &running{t: t, cmd: cmd, output: new(proctest.Output), exited: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = r.output
	}
	if cmd.Stderr == nil {
		cmd.Stderr = r.output
	}
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait()
		close(r.exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(sig)
		select {
		case <-r.exited:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			t.Errorf("%s had to be killed", cmd.Path)
		}
		if t.Failed() && sig != syscall.SIGKILL {
			t.Logf("output of %s:\n%s", cmd.Path, r.output)
		}
	})
	return r
}

func (r *running) pid() int { return r.cmd.Process.Pid }

func (r *running) signal(sig syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(sig); err != nil {
		r.t.Fatal(err)
	}
}

// code waits for the end and returns the exit code.
func (r *running) code() int {
	r.t.Helper()
	select {
	case <-r.exited:
	case <-time.After(patience):
		r.t.Fatalf("it has not ended; output:\n%s", r.output)
	}
	return r.cmd.ProcessState.ExitCode()
}

// says waits for a text in the output.
func (r *running) says(text string) {
	r.t.Helper()
	await(r.t, func() bool { return strings.Contains(r.output.String(), text) }, "%q in %s", text, r.output)
}

// beats waits until a program has counted on.
func (r *running) beats() {
	r.t.Helper()
	before := len(r.output.String())
	await(r.t, func() bool { return len(r.output.String()) > before }, "the program to go on, whose state is %q", procfs.State(r.pid()))
}

func await(t *testing.T, done func() bool, format string, args ...any) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waiting for "+format, args...)
		}
	}
}

// program starts a program to attach to. A test that fails may leave it stopped.
func program(t *testing.T, path string, args ...string) *running {
	t.Helper()
	cmd := exec.Command(path, args...)
	if _, err := cmd.StdinPipe(); err != nil { // open until the program has ended
		t.Fatal(err)
	}
	r := start(t, cmd, syscall.SIGKILL)
	await(t, func() bool { return r.output.String() != "" }, "the program to begin")
	return r
}

// sidecarOf is the command of a sidecar that looks among these processes.
func sidecarOf(plan string, among []*running, args ...string) *exec.Cmd {
	var pids []string
	for _, r := range among {
		pids = append(pids, strconv.Itoa(r.pid()))
	}
	return exec.Command(os.Args[0], append([]string{asSidecar, plan, strings.Join(pids, ",")}, args...)...)
}

// attach starts a sidecar of one program and waits until it serves at addr.
func attach(t *testing.T, target *running, p plan) (sidecar *running, client *rpc2.RPCClient) {
	t.Helper()
	sidecar = start(t, sidecarOf(writePlan(t, p), []*running{target}), syscall.SIGTERM)
	return sidecar, connect(t, sidecar, p.listen())
}

// connect connects to the Delve of a sidecar once the program runs under it.
func connect(t *testing.T, sidecar *running, addr string) *rpc2.RPCClient {
	t.Helper()
	var conn net.Conn
	await(t, func() bool {
		select {
		case <-sidecar.exited:
			t.Fatalf("the sidecar has ended:\n%s", sidecar.output)
		default:
		}
		var err error
		conn, err = net.Dial("tcp", addr)
		return err == nil
	}, "the debugger at %s", addr)
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(proctest.Limit)); err != nil {
		t.Fatal(err)
	}
	client := rpc2.NewClientFromConn(conn)
	proctest.AwaitRunning(t, client, patience)
	return client
}

// productionPlan is the plan of a sidecar of the production program.
func productionPlan(t *testing.T) plan {
	t.Helper()
	return planOf(t, programs.production, programs.symbols)
}

func planOf(t *testing.T, production, file string) plan {
	t.Helper()
	var p plan
	p.Program.Path = production
	p.Program.ImportPath = "example.com/not/this"
	p.Debugger = []string{programs.delve, "--listen=" + proctest.FreeAddress(t), "--headless=true", "--api-version=2", "--accept-multiclient"}
	sums, err := gobin.FileSections(production)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := gobin.ReadFile(production)
	if err != nil {
		t.Fatal(err)
	}
	p.Symbols = &planfile.Symbols{File: file, BuildID: facts.BuildID, Sections: sums}
	return p
}

// writePlan writes a plan as it is in an image.
func writePlan(t *testing.T, p plan) string {
	t.Helper()
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, parent := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(parent, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	settings := ""
	if p.Symbols != nil {
		settings = fmt.Sprintf("debug-info-directories: [%q]\n", dir)
		// Tests and their programs have one file system, where the executable has a name.
		for _, name := range []string{"exe", filepath.Base(p.Program.Path)} {
			if err := os.Symlink(p.Symbols.File, filepath.Join(dir, name+".debug")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, data := range map[string][]byte{"plan.json": data, "go/telemetry/mode": []byte("off"), "dlv/config.yml": []byte(settings)} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "plan.json")
}

// stopAtLine sets a breakpoint at the marked line of a package under testdata and
// returns the state at the stop.
func stopAtLine(t *testing.T, client *rpc2.RPCClient, pkg string) *api.DebuggerState {
	t.Helper()
	const module = "github.com/dlvgen/dlvgen/internal/sidecar/" // as -trimpath names files
	name := "testdata/" + pkg + "/main.go"
	at, line := module+name, markedLine(t, name)
	// Delve refuses breakpoints while the program runs.
	if _, err := client.Halt(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateBreakpoint(&api.Breakpoint{File: at, Line: line}); err != nil {
		t.Fatal(err)
	}
	select {
	case state := <-client.Continue():
		if state.Err != nil || state.CurrentThread == nil || state.CurrentThread.Function == nil {
			t.Fatalf("no stop: %+v", state)
		}
		if got := state.CurrentThread; got.Function.Name() != "main.work" || got.File != at || got.Line != line {
			t.Errorf("stopped in %s at %s:%d, want main.work at %s:%d", got.Function.Name(), got.File, got.Line, at, line)
		}
		return state
	case <-time.After(patience):
		t.Fatal("the breakpoint was not hit")
		return nil
	}
}

func markedLine(t *testing.T, name string) int {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	line := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line++
		if strings.HasSuffix(lines.Text(), "// the line") {
			return line
		}
	}
	t.Fatalf("no line of %s is marked", name)
	return 0
}
