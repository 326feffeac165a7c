package procfs

import (
	"os"
	"os/exec"
	"testing"
)

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

func TestProcessIsReadUntilItsParentHasWaited(t *testing.T) {
	cmd := exec.Command("cat")
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
