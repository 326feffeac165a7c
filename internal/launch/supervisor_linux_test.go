package launch

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/procfs"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/google/go-dap"
)

// soon bounds what has to happen well within a runtime's grace period of 10 s.
const soon = 2 * time.Second

func TestExitCodeOfTheProgramIsThatOfTheContainer(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want int
	}{
		"success": {[]string{"exit", "0"}, 0},
		"failure": {[]string{"exit", "7"}, 7},
		"panic":   {[]string{"panic"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := goOn(t, test.args...)
			if got := c.code(patience); got != test.want {
				t.Errorf("exit code %d, want %d; stderr:\n%s", got, test.want, c.stderr)
			}
			if name == "panic" && !strings.Contains(c.stderr.String(), "panic: on purpose") {
				t.Errorf("the panic's own text is missing:\n%s", c.stderr)
			}
		})
	}
}

func TestClientThatContinuesAndLeavesGetsOutOfTheWay(t *testing.T) {
	t.Parallel()
	c := hold(t, "exit", "7")
	if err := c.client().Disconnect(true); err != nil {
		t.Fatal(err)
	}
	if got := c.code(patience); got != 7 {
		t.Errorf("exit code %d, want 7", got)
	}
}

func TestKilledProgramGives137(t *testing.T) {
	t.Run("running", func(t *testing.T) {
		t.Parallel()
		c := goOn(t, "serve")
		if err := syscall.Kill(c.pid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if got := c.code(soon); got != 137 {
			t.Errorf("exit code %d, want 137", got)
		}
	})
	t.Run("held", func(t *testing.T) {
		t.Parallel()
		c := hold(t, "serve")
		client := c.client()
		stopAtBeat(t, client)
		pid := c.pid()
		if err := client.Disconnect(false); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if got := c.code(soon); got != 137 {
			t.Errorf("exit code %d, want 137", got)
		}
	})
}

func TestSignalHandlerOfARunningProgramRuns(t *testing.T) {
	t.Parallel()
	c := hold(t, "serve")
	if err := c.client().Disconnect(true); err != nil {
		t.Fatal(err)
	}
	c.pid()
	for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGHUP, syscall.SIGWINCH, syscall.SIGTERM} {
		c.stop(sig)
		c.line("got " + sig.String())
	}
	if got := c.code(soon); got != 7 {
		t.Errorf("exit code %d, want 7", got)
	}
}

// TestNoSignalOfInitsReachesAProgramThatRuns looks late, as on a loaded machine: Delve has
// let the program run, and it stands at a breakpoint.
func TestNoSignalOfInitsReachesAProgramThatRuns(t *testing.T) {
	t.Parallel()
	c := hold(t, "serve")
	client := c.client()
	stopAtBeat(t, client)
	pid := c.pid()
	late := &supervisor{program: process{pid: pid}, first: true}
	late.attendStart(procfs.State(pid))
	if !late.attached {
		t.Error("the debugger was not seen")
	}
	const first = 1 // of the client's breakpoints
	if _, err := client.ClearBreakpoint(first); err != nil {
		t.Fatal(err)
	}
	if err := client.Disconnect(true); err != nil {
		t.Fatal(err)
	}
	c.stop(syscall.SIGUSR1)
	if got := c.line("got "); got != "user defined signal 1" {
		t.Errorf("the first signal is %q", got)
	}
}

// TestTheNextDebuggerKnowsWhatItAttachesTo has the program become another between the look
// at it and the start of a debugger, which is not there.
func TestTheNextDebuggerKnowsWhatItAttachesTo(t *testing.T) {
	t.Parallel()
	c := goOn(t, "serve")
	s := &supervisor{
		Config: Config{Messages: io.Discard}, what: start{delve: commandline{flags: []string{"/nothing"}}},
		program: process{pid: c.pid()}, image: "of the launcher", otherSince: time.Now().Add(-time.Hour),
	}
	if !s.becameAnother() {
		t.Fatal("the program of before was not told from this one")
	}
	s.image, s.otherSince = "of the launcher", time.Now().Add(-time.Hour)
	s.attachToNext()
	if s.becameAnother() {
		t.Error("the debugger would be ended for what the program was before")
	}
}

func TestTerminatingSignalEndsAProgramThatIsHeld(t *testing.T) {
	t.Run("at its start, nobody connected", func(t *testing.T) {
		t.Parallel()
		c := hold(t, "serve")
		if err := c.client().Disconnect(false); err != nil { // Delve serves, the program is held.
			t.Fatal(err)
		}
		c.stop(syscall.SIGTERM)
		if got := c.code(soon); got != 143 {
			t.Errorf("exit code %d, want 143", got)
		}
	})
	t.Run("before Delve listens", func(t *testing.T) {
		t.Parallel()
		c := hold(t, "serve")
		awaitChild(t, c.cmd.Process.Pid)
		c.stop(syscall.SIGTERM)
		if got := c.code(3 * soon); got != 143 {
			t.Errorf("exit code %d, want 143", got)
		}
	})
	t.Run("at a breakpoint, client connected", func(t *testing.T) {
		t.Parallel()
		c := hold(t, "serve")
		client := c.client()
		stopAtBeat(t, client)
		c.stop(syscall.SIGTERM)
		c.line("got terminated")
		if got := c.code(soon); got != 7 {
			t.Errorf("exit code %d, want 7", got)
		}
	})
	t.Run("in the middle of a step", func(t *testing.T) {
		t.Parallel()
		c := hold(t, "last")
		client := c.client()
		stopAtBeat(t, client)
		if _, err := client.StepOut(); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = client.Next() }() // over the line that sleeps
		proctest.AwaitRunning(t, client, patience)
		c.stop(syscall.SIGTERM)
		c.line("got terminated")
		if got := c.code(soon); got != 7 {
			t.Errorf("exit code %d, want 7", got)
		}
	})
	t.Run("and Delve takes no second client", func(t *testing.T) {
		t.Parallel()
		addr := proctest.FreeAddress(t)
		c := run(t, addr, []string{programs.delve, "--listen=" + addr, "--headless", "exec", programs.target, "--", "serve"})
		awaitChild(t, c.cmd.Process.Pid)
		c.stop(syscall.SIGTERM)
		if got := c.code(2 * soon); got != 143 {
			t.Errorf("exit code %d, want 143", got)
		}
	})
	t.Run("without a handler", func(t *testing.T) {
		t.Parallel()
		c := hold(t, "wait")
		client := c.client()
		stopAtBeat(t, client)
		c.stop(syscall.SIGTERM)
		if got := c.code(soon); got != 143 {
			t.Errorf("exit code %d, want 143", got)
		}
	})
}

// awaitChild waits until the process has started one.
func awaitChild(t *testing.T, pid int) {
	t.Helper()
	await(t, func() bool { return len(children(t, pid)) > 0 })
}

// children lists the children of a process that have become what they run.
func children(t *testing.T, parent int) []int {
	t.Helper()
	var pids []int
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err == nil && procfs.ReadStatus(pid).Number("PPid") == parent && procfs.State(pid) != procfs.StateZombie {
			pids = append(pids, pid)
		}
	}
	return pids
}

// debugger waits for the container's debugger, another than one of before.
func (c *container) debugger(program int, before ...int) int {
	c.t.Helper()
	var found int
	await(c.t, func() bool {
		tracer := procfs.Tracer(program)
		for _, pid := range children(c.t, c.cmd.Process.Pid) {
			thread := "/proc/" + strconv.Itoa(pid) + "/task/" + strconv.Itoa(tracer)
			if _, err := os.Stat(thread); err == nil && !slices.Contains(before, pid) {
				found = pid
			}
		}
		return found != 0
	})
	return found
}

func TestSIGHUPDoesNotTakeAHeldProgramAwayFromTheClient(t *testing.T) {
	t.Parallel()
	c := hold(t, "serve")
	client := c.client()
	stopAtBeat(t, client)
	c.stop(syscall.SIGHUP)
	if state, err := client.GetState(); err != nil || state.CurrentThread.Function.Name() != "main.beat" {
		t.Fatalf("the program moved: %+v, %v", state, err)
	}
	if err := client.Disconnect(true); err != nil {
		t.Fatal(err)
	}
}

func TestProgramGoesOnWhenTheClientLeaves(t *testing.T) {
	t.Parallel()
	c := hold(t, "serve")
	client := c.client()
	stopAtBeat(t, client)
	if _, err := client.ClearBreakpoint(1); err != nil {
		t.Fatal(err)
	}
	if err := client.Disconnect(true); err != nil {
		t.Fatal(err)
	}
	c.pid()
	c.stop(syscall.SIGUSR1)
	c.line("got user defined signal 1")
	c.stop(syscall.SIGTERM)
	if got := c.code(soon); got != 7 {
		t.Errorf("exit code %d, want 7", got)
	}
}

// Clients come and go: one that detaches ends Delve, and the next finds a new one.
func TestProgramGoesOnWhenAClientDetaches(t *testing.T) {
	t.Parallel()
	c := hold(t, "serve")
	for round := range 2 {
		if round > 0 {
			c.says("a new debugger attaches") // the last one takes no client any more
		}
		client := c.client()
		if round > 0 {
			halt(t, client)
		}
		stopAtBeat(t, client)
		if err := client.Detach(false); err != nil {
			t.Fatal(err)
		}
		_ = client.Disconnect(false)
	}
	c.says("a new debugger attaches")
	c.stop(syscall.SIGTERM)
	c.line("got terminated")
	if got := c.code(soon); got != 7 {
		t.Errorf("exit code %d, want 7", got)
	}
}

// Delve interrupts a program that it has attached to (pkg/proc/native, killProcess).
func TestClientMayKillTheProgram(t *testing.T) {
	t.Parallel()
	c := hold(t, "last") // It does not handle the interrupt, however far it gets before.
	if err := c.client().Detach(true); err != nil {
		t.Fatal(err)
	}
	if got := c.code(patience); got != 130 {
		t.Errorf("exit code %d, want 130", got)
	}
}

// Editors say goodbye in their own protocol; VS Code asks for no more than that.
func TestEditorThatDisconnectsLeavesTheProgramRunning(t *testing.T) {
	t.Parallel()
	c := goOn(t, "serve")
	c.pid()
	if err := c.client().Disconnect(false); err != nil { // It serves.
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", c.addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	// request sends one and waits for the message that it leads to.
	request := func(r dap.Message, leadsTo dap.Message) {
		t.Helper()
		if err := dap.WriteProtocolMessage(conn, r); err != nil {
			t.Fatal(err)
		}
		for {
			m, err := dap.ReadProtocolMessage(reader)
			if err != nil {
				t.Fatal(err)
			}
			if r, failed := m.(*dap.ErrorResponse); failed {
				t.Fatalf("%s: %s", r.Command, r.Body.Error.Format)
			}
			if reflect.TypeOf(m) == reflect.TypeOf(leadsTo) {
				return
			}
		}
	}
	head := func(seq int, command string) dap.Request {
		return dap.Request{ProtocolMessage: dap.ProtocolMessage{Seq: seq, Type: "request"}, Command: command}
	}
	request(&dap.InitializeRequest{
		Request:   head(1, "initialize"),
		Arguments: dap.InitializeRequestArguments{AdapterID: "go", PathFormat: "path", LinesStartAt1: true, ColumnsStartAt1: true},
	}, &dap.InitializeResponse{})
	request(&dap.AttachRequest{Request: head(2, "attach"), Arguments: []byte(`{"mode":"remote"}`)}, &dap.InitializedEvent{})
	request(&dap.ConfigurationDoneRequest{Request: head(3, "configurationDone")}, &dap.ConfigurationDoneResponse{})
	request(&dap.DisconnectRequest{Request: head(4, "disconnect")}, &dap.DisconnectResponse{})
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	c.stop(syscall.SIGUSR1)
	c.line("got user defined signal 1")
	c.stop(syscall.SIGTERM)
	if got := c.code(soon); got != 7 {
		t.Errorf("exit code %d, want 7", got)
	}
}

func TestProgramOutlivesADebuggerThatDies(t *testing.T) {
	t.Parallel()
	c := goOn(t, "serve")
	pid := c.pid()
	first := c.debugger(pid)
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	c.says("a new debugger attaches")
	second := c.debugger(pid, first)
	await(t, func() bool { return procfs.State(pid) != procfs.StateTraced })
	if err := syscall.Kill(second, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	c.says("the program continues without it")
	c.stop(syscall.SIGTERM)
	c.line("got terminated")
	if got := c.code(soon); got != 7 {
		t.Errorf("exit code %d, want 7", got)
	}
}

func TestDebuggerThatDiesBeforeTheProgramRunsLetsItRun(t *testing.T) {
	t.Parallel()
	c := hold(t, "serve")
	_, err := c.client().GetState() // It serves.
	if err != nil {
		t.Fatal(err)
	}
	c.awaitInquiry()
	kids := children(t, c.cmd.Process.Pid)
	program := slices.IndexFunc(kids, func(pid int) bool { return procfs.Tracer(pid) != 0 })
	if err := syscall.Kill(c.debugger(kids[program]), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	c.pid()
}

func TestProgramThatBecomesAnother(t *testing.T) {
	t.Run("which can be debugged", func(t *testing.T) {
		t.Parallel()
		c := goOn(t, "exec", programs.target, "serve")
		pid := c.pid()
		c.says("executed another program, and a new debugger attaches")
		c.debugger(pid)
		client := c.client()
		halt(t, client)
		stopAtBeat(t, client)
		c.stop(syscall.SIGTERM)
		c.line("got terminated")
		if got := c.code(soon); got != 7 {
			t.Errorf("exit code %d, want 7", got)
		}
	})
	t.Run("which cannot", func(t *testing.T) {
		t.Parallel()
		c := goOn(t, "exec", "/bin/sh", "-c", "echo pid $$; sleep 2; exit 5")
		c.pid()
		c.says("continues without the debugger")
		if got := c.code(patience); got != 5 {
			t.Errorf("exit code %d, want 5", got)
		}
	})
}

func TestContainerLivesUntilTheClientHasLeft(t *testing.T) {
	t.Run("and keeps the exit code", func(t *testing.T) {
		t.Parallel()
		c := hold(t, "exit", "7")
		client := c.client()
		if state := <-client.Continue(); !state.Exited || state.ExitStatus != 7 {
			t.Fatalf("state %+v", state)
		}
		// Long enough for init to have looked twice.
		select {
		case <-c.exited:
			t.Fatal("the container ended under the client")
		case <-time.After(500 * time.Millisecond):
		}
		if err := client.Disconnect(false); err != nil {
			t.Fatal(err)
		}
		if got := c.code(soon); got != 7 {
			t.Errorf("exit code %d, want 7", got)
		}
	})
	t.Run("unless it is told to end", func(t *testing.T) {
		t.Parallel()
		c := hold(t, "exit", "7")
		if state := <-c.client().Continue(); !state.Exited {
			t.Fatalf("state %+v", state)
		}
		c.stop(syscall.SIGTERM)
		if got := c.code(soon); got != 7 {
			t.Errorf("exit code %d, want 7", got)
		}
	})
}

func TestDebuggerThatCannotStartTheProgramFailsTheContainer(t *testing.T) {
	for name, test := range map[string]struct {
		argv []string // without the address
		want int
		text string
	}{
		"no such program": {[]string{"exec", "/no/such/program"}, 127, "/no/such/program"},
		"not a program":   {[]string{"exec", "/etc/passwd"}, 126, "permission denied"},
		"unknown flag":    {[]string{"--nonsense", "exec", programs.target, "--", "serve"}, 1, "could not attach"},
		"not Go":          {[]string{"exec", "/bin/sh", "--", "-c", "sleep 1; echo pid $$"}, 1, "/bin/sh is not a Go program"},
		"no port":         {[]string{"--listen=:0", "exec", programs.target}, 1, "use an address with a port"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := proctest.FreeAddress(t)
			c := run(t, addr, delveCommand(addr, test.argv...))
			if got := c.code(patience); got != test.want || !strings.Contains(c.stderr.String(), test.text) {
				t.Errorf("exit code %d, want %d and %q; stderr:\n%s", got, test.want, test.text, c.stderr)
			}
			if _, ran := <-c.lines; ran {
				t.Error("the program ran")
			}
		})
	}
	t.Run("port taken", func(t *testing.T) {
		t.Parallel()
		first := goOn(t, "serve")
		first.pid()
		second := run(t, first.addr, delveCommand(first.addr, "exec", programs.target))
		if got := second.code(patience); got != 1 {
			t.Errorf("exit code %d, want 1", got)
		}
		if !first.running() {
			t.Error("the first one ended")
		}
	})
}
