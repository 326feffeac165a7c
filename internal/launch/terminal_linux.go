package launch

import (
	"os/signal"
	"syscall"
	"unsafe"
)

// terminal is the terminal that this process was started in. The zero value is none.
type terminal struct {
	fd int // 0 for none: it is a copy of stdin
}

// ownTerminal is the terminal on stdin.
func ownTerminal() terminal {
	var group int32
	if ioctl(0, syscall.TIOCGPGRP, &group) != 0 {
		return terminal{}
	}
	fd, _, errno := syscall.Syscall(syscall.SYS_FCNTL, 0, syscall.F_DUPFD_CLOEXEC, 3)
	if errno != 0 {
		return terminal{}
	}
	return terminal{fd: int(fd)}
}

// pass makes the process group "to" the foreground if the group "from" is, so that
// Ctrl-C and what is typed reach the program as they would without this process.
func (t terminal) pass(from, to int) {
	var now int32
	if t.fd == 0 || ioctl(t.fd, syscall.TIOCGPGRP, &now) != 0 || int(now) != from {
		return
	}
	if from != syscall.Getpgrp() {
		// A background process that asks for the foreground is stopped otherwise.
		signal.Ignore(syscall.SIGTTOU)
		defer signal.Reset(syscall.SIGTTOU)
	}
	group := int32(to)
	_ = ioctl(t.fd, syscall.TIOCSPGRP, &group)
}

func ioctl(fd int, request uintptr, arg *int32) syscall.Errno {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(arg)))
	return errno
}
