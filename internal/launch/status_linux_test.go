package launch

import (
	"syscall"
	"testing"
)

func TestExitCodeIsThatOfAContainerRuntime(t *testing.T) {
	for status, want := range map[syscall.WaitStatus]int{
		0: 0, exited(7): 7, exited(255): 255,
		syscall.WaitStatus(syscall.SIGKILL):        137,
		syscall.WaitStatus(syscall.SIGSEGV) | 0x80: 139, // With a core dump.
	} {
		if got := exitCode(status); got != want {
			t.Errorf("status %#x: exit code %d, want %d", uint32(status), got, want)
		}
	}
}
