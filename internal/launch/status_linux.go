package launch

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// exited is the wait status of an exit code.
func exited(code int) syscall.WaitStatus { return syscall.WaitStatus(code << 8) }

// exitCode is the code that container runtimes give to a wait status.
func exitCode(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "signal: " + status.Signal().String()
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}

// reap collects every child that has ended and passes its status to each. It is
// the only place that waits once the program is started, so that nothing takes
// another's status away. Orphans come to PID 1; to nobody else, as in production.
func reap(each func(pid int, status syscall.WaitStatus)) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil || pid <= 0:
			return
		default:
			each(pid, status)
		}
	}
}

// dieWithin is how long a signal to this process itself may take.
const dieWithin = time.Second

// leave returns the exit code for a program that ended with status. Where it died of
// a signal, and this process is not PID 1, which no signal kills, the process dies of
// the same, for its parent to see.
func leave(status syscall.WaitStatus) int {
	if status.Signaled() && os.Getpid() != 1 {
		// The core is the program's.
		_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
		setDefault(status.Signal())
		_ = syscall.Kill(os.Getpid(), status.Signal())
		time.Sleep(dieWithin)
	}
	return exitCode(status)
}

// setDefault gives a signal the kernel's own meaning. For some, Go's runtime would
// print a stack trace instead.
func setDefault(sig syscall.Signal) {
	var action [4]uint64 // struct sigaction of every architecture fits; 0 is SIG_DFL
	const sizeofMask = 8
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, sizeofMask, 0, 0)
}
