package launch

import (
	"os/signal"
	"syscall"
	"unsafe"
)

// takeTerminal makes init's process group the foreground of the terminal on
// stdin, if there is one. Delve gives the foreground to the program; when that
// has ended, Ctrl-C would reach nobody.
func takeTerminal() {
	// A background process that asks for the foreground is stopped otherwise.
	signal.Ignore(syscall.SIGTTOU, syscall.SIGTTIN)
	group := int32(syscall.Getpgrp())
	_, _, _ = syscall.Syscall(syscall.SYS_IOCTL, 0, syscall.TIOCSPGRP, uintptr(unsafe.Pointer(&group)))
}
