package launch

import (
	"strings"
	"syscall"
	"testing"
)

func TestProcessStatOfAnyNameIsRead(t *testing.T) {
	// A zombie whose name looks like fields, with exit status 7.
	line := "12 (a) Z 1 (b) " + "Z" + strings.Repeat(" 0", 48) + " 1792"
	got := parseStat(line)
	if got.state != stateZombie || !got.status.Exited() || got.status.ExitStatus() != 7 {
		t.Errorf("got %+v", got)
	}
	for _, line := range []string{"", "12", "12 (a)", "12 (a) ", "12 (a) ZZ 1"} {
		if got := parseStat(line); got.state != 0 {
			t.Errorf("%q: got %+v, want nothing", line, got)
		}
	}
}

func TestExitCodeIsThatOfAContainerRuntime(t *testing.T) {
	for status, want := range map[syscall.WaitStatus]int{
		0: 0, 7 << 8: 7, 255 << 8: 255,
		syscall.WaitStatus(syscall.SIGKILL):        137,
		syscall.WaitStatus(syscall.SIGSEGV) | 0x80: 139, // With a core dump.
	} {
		if got := exitCode(status); got != want {
			t.Errorf("status %#x: exit code %d, want %d", uint32(status), got, want)
		}
	}
}
