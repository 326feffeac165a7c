package launch

import (
	"os"
	"strconv"
	"syscall"
)

// letGoOfDescriptors closes what this process was given for the program: while it
// held the other end, a pipe would not end when the program closes it. Stderr
// stays, for messages. Files of this process's own are those marked to be closed on execve.
func letGoOfDescriptors() {
	if empty, err := openEmpty(); err == nil {
		_ = syscall.Dup3(int(empty.Fd()), 0, 0)
		_ = syscall.Dup3(2, 1, 0)
		_ = empty.Close()
	}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err == nil && fd > 2 && !closesOnExec(fd) {
			_ = syscall.Close(fd)
		}
	}
}

// openEmpty opens a file with nothing in it. A bare root may have no /dev/null.
func openEmpty() (*os.File, error) {
	if null, err := os.Open(os.DevNull); err == nil {
		return null, nil
	}
	empty, other, err := os.Pipe()
	if err == nil {
		_ = other.Close()
	}
	return empty, err
}

func closesOnExec(fd int) bool {
	flags, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
	return errno != 0 || flags&syscall.FD_CLOEXEC != 0
}
