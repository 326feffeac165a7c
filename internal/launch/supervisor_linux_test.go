package launch

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
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
		c := hold(t, "serve")
		client := c.client()
		stopAtBeat(t, client)
		if _, err := client.Next(); err != nil {
			t.Fatal(err)
		}
		c.stop(syscall.SIGTERM)
		c.line("got terminated")
		if got := c.code(soon); got != 7 {
			t.Errorf("exit code %d, want 7", got)
		}
	})
	t.Run("and Delve takes no second client", func(t *testing.T) {
		t.Parallel()
		addr := freeAddress(t)
		c := run(t, addr, []string{programs.delve, "--listen=" + addr, "--headless", "exec", programs.target, "--", "serve"})
		awaitChild(t, c.cmd.Process.Pid)
		c.stop(syscall.SIGTERM)
		if got := c.code(releaseWithin + 2*soon); got != 143 {
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
	await(t, func() bool { return len(children(pid)) > 0 })
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

// Delve kills a program that it started when a client detaches, whatever the
// client asks for (1.27.2, service/debugger, detach).
func TestClientThatDetachesKillsTheProgram(t *testing.T) {
	t.Parallel()
	c := hold(t, "serve")
	if err := c.client().Detach(false); err != nil {
		t.Fatal(err)
	}
	if got := c.code(soon); got != 137 {
		t.Errorf("exit code %d, want 137", got)
	}
	if !strings.Contains(c.stderr.String(), "dlvgen: the debugger has killed the program") {
		t.Errorf("nothing said so:\n%s", c.stderr)
	}
}

func TestProgramOutlivesADebuggerThatDies(t *testing.T) {
	t.Parallel()
	c := goOn(t, "serve")
	pid := c.pid()
	delve, err := strconv.Atoi(readStatus(pid)["PPid"])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(delve, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return strings.Contains(c.stderr.String(), "the program goes on without it") })
	c.stop(syscall.SIGTERM)
	c.line("got terminated")
	if got := c.code(soon); got != 7 {
		t.Errorf("exit code %d, want 7", got)
	}
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

func TestRestartedProgramIsTheOneThatCounts(t *testing.T) {
	t.Parallel()
	c := hold(t, "serve")
	client := c.client()
	stopAtBeat(t, client)
	first := c.pid()
	if _, err := client.Restart(false); err != nil {
		t.Fatal(err)
	}
	if err := client.Disconnect(true); err != nil {
		t.Fatal(err)
	}
	// The breakpoint survives the restart; SIGTERM has to pass it.
	if second := c.pid(); second == first {
		t.Fatal("the program was not restarted")
	}
	c.stop(syscall.SIGTERM)
	c.line("got terminated")
	if got := c.code(soon); got != 7 {
		t.Errorf("exit code %d, want 7", got)
	}
}

func TestOrphansAreReaped(t *testing.T) {
	t.Parallel()
	c := goOn(t, "orphans")
	for range 5 {
		pid := c.line("orphan")
		await(t, func() bool {
			_, err := os.Stat("/proc/" + pid)
			return os.IsNotExist(err)
		})
	}
	c.stop(syscall.SIGTERM)
	if got := c.code(soon); got != 7 {
		t.Errorf("exit code %d, want 7", got)
	}
}

func TestDebuggerThatCannotStartTheProgramFailsTheContainer(t *testing.T) {
	for name, argv := range map[string][]string{
		"no such program": delveCommand("127.0.0.1:0", "exec", "/no/such/program"),
		"not a program":   delveCommand("127.0.0.1:0", "exec", "/etc/passwd"),
		"unknown flag":    {programs.delve, "--headless", "--nonsense", "exec", programs.target},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := run(t, "127.0.0.1:0", argv)
			if got := c.code(patience); got != 1 {
				t.Errorf("exit code %d, want Delve's 1; stderr:\n%s", got, c.stderr)
			}
		})
	}
	t.Run("port taken", func(t *testing.T) {
		t.Parallel()
		first := goOn(t, "serve")
		first.pid()
		second := run(t, first.addr, delveCommand(first.addr, "exec", programs.target))
		if got := second.code(patience); got != 1 {
			t.Errorf("exit code %d, want Delve's 1", got)
		}
		if !first.running() {
			t.Error("the first one ended")
		}
	})
}
