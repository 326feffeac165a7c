package sidecar

import (
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

func TestTerminalGetsAPromptAndTheProgramGoesOnAfterIt(t *testing.T) {
	t.Parallel()
	user, terminal := proctest.Terminal(t)
	target := program(t, programs.production)
	cmd := sidecarOf(writePlan(t, productionPlan(t)), []*running{target})
	cmd.Env = append(os.Environ(), "TERM=dumb")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	sidecar := start(t, cmd, syscall.SIGTERM)
	go func() { _, _ = io.Copy(sidecar.output, user) }()
	enter := func(line string) {
		t.Helper()
		if _, err := io.WriteString(user, line+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	sidecar.says("(dlv)")
	enter("break main.work")
	sidecar.says("Breakpoint 1 set at")
	enter("continue")
	sidecar.says("> [Breakpoint 1] main.work(")
	enter("clear 1")
	sidecar.says("Breakpoint 1 cleared")
	enter("continue")
	target.beats()
	if _, err := io.WriteString(user, "\x03"); err != nil { // Ctrl-C
		t.Fatal(err)
	}
	sidecar.says("Would you like to [p]ause the target")
	enter("p")
	enter("exit")
	sidecar.says("Would you like to kill the headless instance?")
	enter("")
	sidecar.says("Would you like to kill the process?")
	enter("")
	sidecar.says("it goes on, without the client")
	if got := sidecar.code(); got != 0 {
		t.Errorf("exit code %d, want 0", got)
	}
	target.beats()
}
