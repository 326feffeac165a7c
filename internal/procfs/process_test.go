package procfs

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of these tests.
const patience = 30 * time.Second

func TestProcessStateOfAnyNameIsRead(t *testing.T) {
	for line, want := range map[string]byte{
		"12 (a) S 1 (b) Z 0 0": StateZombie, // A zombie whose name looks like fields.
		"12 (a) t 1":           StateTraced,
		"":                     0, "12": 0, "12 (a)": 0, "12 (a) ": 0, "12 (a) ZZ 1": 0,
	} {
		if got := parseState(line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestTrapsAreSeenUntilTheTracerHasWaited(t *testing.T) {
	runtime.LockOSThread() // which traces
	defer runtime.UnlockOSThread()
	pid, err := syscall.ForkExec("/bin/true", []string{"true"}, &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Ptrace: true}})
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); State(pid) != StateTraced; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the state of a traced program is %q after %v", State(pid), patience)
		}
	}
	if !AwaitsTracer(pid) {
		t.Error("the trap of an execve is not seen")
	}
	if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
		t.Fatal(err)
	}
	if AwaitsTracer(pid) {
		t.Error("the trap is still seen")
	}
	if err := syscall.PtraceDetach(pid); err != nil {
		t.Fatal(err)
	}
	if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
		t.Fatal(err)
	}
}

func TestProcessIsReadUntilItsParentHasWaited(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	if !Alive(pid) || Tracer(pid) != 0 || ReadStatus(pid).Number("PPid") != os.Getpid() {
		t.Errorf("%v", ReadStatus(pid))
	}
	if got := Image(pid); got == "" || got != Image(pid) || got == Image(os.Getpid()) {
		t.Errorf("its auxiliary vector is %q", got)
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if Alive(pid) || State(pid) != 0 || len(ReadStatus(pid)) != 0 || Image(pid) != "" {
		t.Error("it lives on")
	}
}
