package launch

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/planfile"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/go-delve/delve/service/api"
	"github.com/go-delve/delve/service/rpc2"
)

// As the first argument, these turn the test program into init, init that starts
// through the first stage, or a launcher. The words after it are the paths of Delve
// and of the plan, and the command; for a launcher all of its words.
const (
	asInit     = "as-init"
	asStaged   = "as-staged"
	asLauncher = "as-launcher"
)

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// programs are what the tests start, built once.
var programs struct{ delve, target, stripped string }

func TestMain(m *testing.M) {
	if os.Args[0] == stageWord {
		os.Exit(Run(os.Args, Config{}))
	}
	if len(os.Args) > 3 && strings.HasPrefix(os.Args[1], "as-") {
		os.Exit(runAs(os.Args[1], os.Args[2], os.Args[3], os.Args[4:]))
	}
	// Started by nohup, this process ignores SIGHUP, and so would init and the programs.
	// What a process catches, its children have by default.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	dir, err := os.MkdirTemp("", "launch")
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

func runAs(role, delve, plan string, words []string) int {
	c := Config{Executable: layout.Init, Delve: delve, Plan: plan, DelveConfig: filepath.Dir(plan), Stage: role == asStaged}
	if role == asLauncher {
		c.Executable = "/app/server"
		return Run(words, c)
	}
	return Run(append([]string{layout.Init}, words...), c)
}

func buildPrograms(dir string) error {
	programs.delve = filepath.Join(dir, "dlv")
	programs.target = filepath.Join(dir, "target")
	programs.stripped = filepath.Join(dir, "stripped")
	if err := proctest.Delve(programs.delve); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"-o", programs.target, "-gcflags=all=-N -l", "./testdata/target"},
		{"-o", programs.stripped, "-ldflags=-s -w", "./testdata/target"},
	} {
		build := exec.Command("go", append([]string{"build", "-trimpath"}, args...)...)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("building %v: %w\n%s", args, err, out)
		}
	}
	return nil
}

// container is init with Delve and the target as ordinary processes.
type container struct {
	t      *testing.T
	addr   string
	cmd    *exec.Cmd
	lines  chan string
	stderr *proctest.Output
	exited chan struct{}
}

// delveCommand is the CMD of a debug image that listens at addr.
func delveCommand(addr string, flags ...string) []string {
	return append([]string{programs.delve, "--listen=" + addr, "--headless=true", "--api-version=2", "--accept-multiclient"}, flags...)
}

// hold starts the target held at its first instruction.
func hold(t *testing.T, args ...string) *container {
	addr := proctest.FreeAddress(t)
	return run(t, addr, append(delveCommand(addr, "exec", programs.target, "--"), args...))
}

// goOn starts the target with start=continue.
func goOn(t *testing.T, args ...string) *container {
	addr := proctest.FreeAddress(t)
	return run(t, addr, append(delveCommand(addr, "exec", "--continue", programs.target, "--"), args...))
}

// run starts init with a command. The plan says what production would start.
func run(t *testing.T, addr string, argv []string) *container {
	t.Helper()
	return launchCommand(t, addr, initCommand(writePlan(t, servingPlan(addr)), argv))
}

// initCommand is init as a program to start.
func initCommand(plan string, argv []string) *exec.Cmd {
	return exec.Command(os.Args[0], append([]string{asInit, programs.delve, plan}, argv...)...)
}

// servingPlan is the plan of an image that starts "target serve" and lets it run.
func servingPlan(addr string) planfile.Plan {
	var p planfile.Plan
	p.Request.Start, p.Request.Entry = "continue", "cmd"
	p.Production.Entrypoint, p.Production.Cmd = []string{programs.target}, []string{"serve"}
	p.Program.Path, p.Program.Args = programs.target, []string{"serve"}
	p.Debugger = delveCommand(addr)
	p.Command = append(delveCommand(addr, "exec", "--continue", programs.target, "--"), "serve")
	return p
}

func writePlan(t *testing.T, p planfile.Plan) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]any{"plan.json": p, "go/telemetry/mode": "off", "dlv/config.yml": ""}
	for name, content := range files {
		path := filepath.Join(dir, name)
		data, ok := content.(string)
		if !ok {
			text, err := json.Marshal(content)
			if err != nil {
				t.Fatal(err)
			}
			data = string(text)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "plan.json")
}

func launchCommand(t *testing.T, addr string, cmd *exec.Cmd) *container {
	t.Helper()
	c := &container{t: t, addr: addr, cmd: cmd, lines: make(chan string, 100), stderr: new(proctest.Output), exited: make(chan struct{})}
	stdout, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, errW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.cmd.Stdout, c.cmd.Stderr = w, errW
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	_ = errW.Close()
	said := make(chan struct{})
	go func() {
		_, _ = io.Copy(c.stderr, stderr)
		close(said)
	}()
	go func() {
		for s := bufio.NewScanner(stdout); s.Scan(); {
			c.lines <- s.Text()
		}
		close(c.lines)
	}()
	go func() {
		_ = c.cmd.Wait()
		<-said // Nobody that had it is left.
		close(c.exited)
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-c.exited:
		case <-time.After(patience):
			_ = c.cmd.Process.Kill()
			t.Error("init had to be killed")
		}
		if t.Failed() {
			t.Logf("stderr of the container:\n%s", c.stderr)
		}
	})
	return c
}

// line waits for a line of the program's output that begins with prefix and
// returns what follows.
func (c *container) line(prefix string) string {
	c.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-c.lines:
			if !ok {
				c.t.Fatalf("the program ended without printing %q; stderr:\n%s", prefix, c.stderr)
			}
			if rest, found := strings.CutPrefix(line, prefix); found {
				return strings.TrimSpace(rest)
			}
		case <-timeout:
			c.t.Fatalf("no line %q within %v; stderr:\n%s", prefix, patience, c.stderr)
		}
	}
}

// pid waits for the program to say its process id.
func (c *container) pid() int {
	c.t.Helper()
	pid, err := strconv.Atoi(c.line("pid"))
	if err != nil {
		c.t.Fatal(err)
	}
	return pid
}

// stop sends a signal to init, as docker stop does.
func (c *container) stop(sig syscall.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(sig); err != nil {
		c.t.Fatal(err)
	}
}

// code waits for the container to end and returns its exit code.
func (c *container) code(within time.Duration) int {
	c.t.Helper()
	select {
	case <-c.exited:
	case <-time.After(within):
		c.t.Fatalf("the container did not end within %v; stderr:\n%s", within, c.stderr)
	}
	status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok {
		c.t.Fatal("no wait status")
	}
	return exitCode(status)
}

// died tells whether init itself died of a signal, once code has returned.
func (c *container) died() bool { return c.cmd.ProcessState.ExitCode() < 0 }

// says waits for text on stderr.
func (c *container) says(text string) {
	c.t.Helper()
	await(c.t, func() bool { return strings.Contains(c.stderr.String(), text) })
}

func (c *container) running() bool {
	select {
	case <-c.exited:
		return false
	default:
		return true
	}
}

// client connects a debugger client, as soon as Delve listens. All that it asks is
// bounded.
func (c *container) client() *rpc2.RPCClient {
	c.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", c.addr)
		if err == nil {
			err = conn.SetDeadline(time.Now().Add(proctest.Limit))
		}
		if err == nil {
			return rpc2.NewClientFromConn(conn)
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("connecting to Delve: %v; stderr:\n%s", err, c.stderr)
		}
	}
}

// halt stops a program that a debugger lets run as soon as it has attached: while it
// runs, Delve sets no breakpoints.
func halt(t *testing.T, client *rpc2.RPCClient) {
	t.Helper()
	proctest.AwaitRunning(t, client, patience)
	if _, err := client.Halt(); err != nil {
		t.Fatal(err)
	}
}

// stopAtBeat sets a breakpoint on main.beat and runs into it. The program is held.
func stopAtBeat(t *testing.T, client *rpc2.RPCClient) {
	t.Helper()
	if _, err := client.CreateBreakpoint(&api.Breakpoint{FunctionName: "main.beat"}); err != nil {
		t.Fatal(err)
	}
	state := <-client.Continue()
	if state.Err != nil || state.CurrentThread.Function.Name() != "main.beat" {
		t.Fatalf("stopped at %+v, %v", state.CurrentThread, state.Err)
	}
}

// awaitInquiry waits until Delve has answered init, which then closes its connection first.
func (c *container) awaitInquiry() {
	c.t.Helper()
	at, err := netip.ParseAddrPort(c.addr)
	if err != nil {
		c.t.Fatal(err)
	}
	ip := at.Addr().As4()
	closed := regexp.MustCompile(fmt.Sprintf(` %08X:%04X 0[456] `, binary.LittleEndian.Uint32(ip[:]), at.Port()))
	await(c.t, func() bool {
		connections, err := os.ReadFile("/proc/net/tcp")
		return err == nil && closed.Match(connections)
	})
}

// await waits for what the kernel does not announce.
func await(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen within %v", patience)
		}
	}
}
