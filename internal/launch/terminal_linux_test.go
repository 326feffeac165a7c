package launch

import (
	"syscall"
	"testing"
	"unsafe"

	"github.com/containerd/console"
	"github.com/dlvgen/dlvgen/internal/proctest"
)

// As with docker run -it: init leads the session of the terminal on its stdin.
func TestCtrlCReachesTheProgramAndNotTheDebugger(t *testing.T) {
	t.Parallel()
	user, program := proctest.Terminal(t)
	addr := proctest.FreeAddress(t)
	argv := append(delveCommand(addr, "exec", programs.target, "--"), "exit", "7")
	inTerminal := func(argv []string) *container {
		cmd := initCommand(writePlan(t, servingPlan(addr)), argv)
		cmd.Stdin = program
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		return launchCommand(t, addr, cmd)
	}
	press := func() {
		if _, err := user.Write([]byte{3}); err != nil {
			t.Fatal(err)
		}
	}

	serving := inTerminal(append(delveCommand(addr, "exec", "--continue", programs.target, "--"), "serve"))
	serving.pid()
	press()
	serving.line("got interrupt")
	serving.stop(syscall.SIGUSR1)
	serving.line("got user defined signal 1") // Not a second interrupt.
	serving.stop(syscall.SIGTERM)
	if got := serving.code(soon); got != 7 {
		t.Errorf("exit code %d, want 7", got)
	}

	// The program has ended, a client is connected: Ctrl-C is init's.
	user, program = proctest.Terminal(t)
	ended := inTerminal(argv)
	if state := <-ended.client().Continue(); !state.Exited {
		t.Fatalf("state %+v", state)
	}
	awaitForeground(t, user, ended.cmd.Process.Pid)
	press()
	if got := ended.code(soon); got != 7 {
		t.Errorf("exit code %d, want 7", got)
	}
}

// awaitForeground waits until a process group has the terminal whose user's end is
// given.
func awaitForeground(t *testing.T, terminal console.Console, group int) {
	t.Helper()
	await(t, func() bool {
		var now int32
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, terminal.Fd(), syscall.TIOCGPGRP, uintptr(unsafe.Pointer(&now)))
		return errno == 0 && int(now) == group
	})
}
