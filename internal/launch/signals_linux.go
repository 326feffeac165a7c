package launch

import (
	"os"
	"os/signal"
	"syscall"
)

// lastSignal is SIGRTMAX.
const lastSignal = 64

// kept are the signals that init does not pass on: its own children's, those of
// Go's and the C library's inner workings, those that a process earns by what
// it does itself, and SIGTRAP, by which Delve stops the program.
var kept = map[syscall.Signal]bool{
	syscall.SIGCHLD: true, syscall.SIGURG: true, syscall.SIGPIPE: true,
	syscall.SIGTRAP: true, syscall.SIGSEGV: true, syscall.SIGBUS: true,
	syscall.SIGFPE: true, syscall.SIGILL: true, syscall.SIGSYS: true,
	syscall.SIGTTIN: true, syscall.SIGTTOU: true, 32: true, 33: true,
}

// catchSignals returns the signals to pass on and those that tell of children.
// A signal that was ignored when init started stays so, for init and the program.
func catchSignals() (forward, child <-chan os.Signal) {
	var caught []os.Signal
	for s := syscall.Signal(1); s <= lastSignal; s++ {
		if s != syscall.SIGKILL && s != syscall.SIGSTOP && !kept[s] && !signal.Ignored(s) {
			caught = append(caught, s)
		}
	}
	f := make(chan os.Signal, lastSignal)
	signal.Notify(f, caught...)

	// One place is enough: who reads it reaps all there are.
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGCHLD)

	// Caught, since it would end init when nobody reads its messages.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return f, c
}

// ends tells whether a signal asks a program to end, so that a held one has to
// be let go. SIGHUP does not: services reload on it.
func ends(s syscall.Signal) bool {
	return s == syscall.SIGTERM || s == syscall.SIGINT || s == syscall.SIGQUIT
}
