package sidecar

import (
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"unsafe"

	"github.com/dlvgen/dlvgen/internal/procfs"
)

// openTerminal opens a new pseudo-terminal: the user's end and the program's.
func openTerminal(t *testing.T) (user, program *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = user.Close() })
	var number, unlock int32
	for request, arg := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlock, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, user.Fd(), request, uintptr(unsafe.Pointer(arg))); errno != 0 {
			t.Fatal(errno)
		}
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return user, program
}

func TestTerminalGetsAPromptAndTheProgramGoesOnAfterIt(t *testing.T) {
	t.Parallel()
	user, terminal := openTerminal(t)
	target := program(t, programs.production)
	cmd := sidecarOf(writePlan(t, productionPlan(t)), []*running{target})
	cmd.Env = append(os.Environ(), "TERM=dumb")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	sidecar := start(t, cmd, syscall.SIGTERM)
	go func() { _, _ = io.Copy(sidecar.output, user) }()
	enter := func(line string) {
		t.Helper()
		if _, err := user.WriteString(line + "\n"); err != nil {
			t.Fatal(err)
		}
	}
	sidecar.says("answer n to whether to kill it")
	sidecar.says("(dlv)")
	if tracer := processOf(procfs.Tracer(target.pid())); tracer != sidecar.pid() {
		t.Errorf("process %d traces it, and the sidecar is %d", tracer, sidecar.pid())
	}
	enter("break main.work")
	sidecar.says("Breakpoint 1 set at")
	enter("continue")
	sidecar.says("> [Breakpoint 1] main.work(")
	enter("exit")
	sidecar.says("Would you like to kill the process?")
	enter("n")
	if got := sidecar.code(); got != 0 {
		t.Errorf("exit code %d, want 0", got)
	}
	target.beats()
}
