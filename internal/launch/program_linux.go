package launch

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// process is a child of this process.
type process struct {
	pid    int
	status *syscall.WaitStatus // set when it has ended

	// gone is closed when the end of a debugger has been dealt with.
	gone chan struct{}
}

// fork starts the program and stops it before its first instruction. Its status is
// set if it has ended at once; then it has said why. The calling goroutine must
// be locked to its thread, which must live as long as the program.
func (s start) fork(staged bool) (process, error) {
	path, argv := s.path, s.argv
	if staged {
		path, argv = "/proc/self/exe", append([]string{stageWord, path}, argv...)
	}
	pid, err := syscall.ForkExec(path, argv, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Ptrace: !staged, Setpgid: true, Pdeathsig: parentsDeath()},
	})
	if err != nil {
		return process{}, startError(s.path, err)
	}
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(pid, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return process{}, fmt.Errorf("waiting for %s to start: %w", s.path, err)
		case !status.Stopped():
			return process{pid: pid, status: &status}, nil
		case status.StopSignal() == syscall.SIGTRAP:
			return process{pid: pid}, ptrace(syscall.PTRACE_DETACH, pid, syscall.SIGSTOP)
		default: // A signal to the first stage, such as the Go runtime's own.
			if err := ptrace(syscall.PTRACE_CONT, pid, status.StopSignal()); err != nil {
				return process{}, err
			}
		}
	}
}

// parentsDeath is the signal for a child whose parent has died: to kill a launcher is
// to kill its program. The kernel does so for PID 1.
func parentsDeath() syscall.Signal {
	if os.Getpid() == 1 {
		return 0
	}
	return syscall.SIGKILL
}

// ptrace lets a traced child go on with a signal.
func ptrace(request, pid int, sig syscall.Signal) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PTRACE, uintptr(request), uintptr(pid), 0, uintptr(sig), 0, 0)
	if errno != 0 {
		return fmt.Errorf("letting the program out of its first trap: %w", errno)
	}
	return nil
}

// startError is the error of a program that could not be started.
func startError(path string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOENT):
		return &commandError{fmt.Errorf("starting %s: %w: the file or the interpreter that it names is missing", path, err), exitNotFound}
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EIO):
		return fmt.Errorf("starting %s under trace: %w: the kernel, a seccomp profile or an emulated CPU prevents tracing; allow ptrace, or set %s=%s",
			path, err, modeVariable, modeOff)
	}
	return &commandError{fmt.Errorf("starting %s: %w", path, err), exitNotExecutable}
}
