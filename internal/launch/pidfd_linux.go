package launch

import (
	"syscall"
	"time"
	"unsafe"
)

// sysPidfdOpen is pidfd_open(2), Linux 5.3, the same number on every architecture.
const sysPidfdOpen = 434

// pollIn is POLLIN; a pidfd is readable when its process has ended.
const pollIn = 1

// pollInterval is the pace at which /proc is read where there is no pidfd.
const pollInterval = 100 * time.Millisecond

// watch returns a channel that is closed when the process ends, be it this
// process's child or not. A zombie has ended.
func watch(pid int) <-chan struct{} {
	ended := make(chan struct{})
	fd, _, errno := syscall.Syscall(sysPidfdOpen, uintptr(pid), 0, 0)
	go func() {
		defer close(ended)
		if errno == 0 {
			syscall.CloseOnExec(int(fd))
			defer func() { _ = syscall.Close(int(fd)) }()
			if waitReadable(int32(fd)) {
				return
			}
		}
		for alive(pid) {
			time.Sleep(pollInterval)
		}
	}()
	return ended
}

// waitReadable waits for a file descriptor to become readable. It is false if
// the kernel does not let it wait.
func waitReadable(fd int32) bool {
	poll := struct {
		fd              int32
		events, revents int16
	}{fd: fd, events: pollIn}
	for {
		// ppoll, since not every architecture has poll.
		n, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&poll)), 1, 0, 0, 0, 0)
		switch {
		case errno == syscall.EINTR:
		case errno != 0:
			return false
		case n == 1:
			return true
		}
	}
}
