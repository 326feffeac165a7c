package sidecar

import (
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/procfs"
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
	sidecar.says("when quit asks whether to kill it, answer n")
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
