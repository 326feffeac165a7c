package launch

import (
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/dlvgen/dlvgen/internal/procfs"
)

// Bounds of what depends on Delve.
const (
	// releaseWithin is how long Delve may take to let a held program go. Docker
	// kills a container 10 s after it asked it to end.
	releaseWithin = 3 * time.Second

	// settleWithin is how long a program is seen held before Delve is told. While a
	// client's request stops or steps it, Delve would send one SIGTRAP too many.
	settleWithin = 50 * time.Millisecond

	// collectWithin is how long Delve may take to notice that the program is dead.
	// It does not look while it holds it, and until then the kernel tells nobody.
	collectWithin = 300 * time.Millisecond

	// askAtLeast is how often Delve is asked about a program that stays held.
	askAtLeast = 5 * time.Second

	// wakeWithin is how long after the end of Delve a program found stopped is woken.
	wakeWithin = time.Second

	// hearWithin is how long the last answer of a Delve that has ended is waited for. Its
	// connection has ended too.
	hearWithin = 500 * time.Millisecond

	// leaveWithin is how long Delve may take to end when told to.
	leaveWithin = 500 * time.Millisecond

	// freshFor is how long after its start the program is watched closely: that is
	// when programs panic or become others.
	freshFor = 10 * time.Second
)

// supervisor watches the program and its debugger. All fields belong to the goroutine
// of run; others report over channels.
type supervisor struct {
	Config
	what     start
	control  procfs.Address
	terminal terminal

	program    process
	image      string    // what it runs, see procfs.Image
	started    time.Time // when it was started, or became another
	otherSince time.Time // when it was first seen to have become another

	debugger  process // pid 0 for none
	first     bool    // the debugger is the first one: the program is stopped for it
	attached  bool    // it traces the program, and the stop has been taken back
	served    bool    // it has answered, or let the program run
	replaced  bool    // it is being ended because the program has become another
	failures  int     // debuggers in a row that ended by themselves
	abandoned time.Time

	// ending is when the program was first asked to end, zero if it was not.
	ending time.Time

	// letGo is set when a signal that ends has found the program held. Stopped again
	// later, it is a client's.
	letGo bool

	// heldSince is when the wait for Delve to let the program go began, and told is
	// set when Delve was told. deadSince is when the program was seen dead.
	heldSince, deadSince time.Time
	told                 bool

	// Delve is asked one thing at a time; answers has room for one.
	asking   bool
	askedAt  time.Time
	askPause time.Duration
	answers  chan answer

	verdict   *syscall.WaitStatus // in place of the program's own status
	lingering bool                // the program has ended, a client is connected
	done      bool
}

// supervise starts the program and its debugger, and stays until the program has
// ended and its clients have left.
func (c Config) supervise(what start, control procfs.Address) int {
	if what.note != "" {
		c.say("%s", what.note)
	}
	signals, children := catchSignals()
	terminal := ownTerminal()
	program, err := what.fork(c.Stage || needsStage())
	if err != nil {
		return c.fail(err)
	}
	if program.status != nil {
		return leave(*program.status)
	}
	s := &supervisor{
		Config: c, what: what, control: control, terminal: terminal,
		program: program, image: procfs.Image(program.pid), started: time.Now(),
		first: true, answers: make(chan answer, 1),
	}
	terminal.pass(syscall.Getpgrp(), program.pid)
	letGoOfDescriptors()
	s.attach(what.delve.proceed)
	return leave(s.run(signals, children))
}

func (s *supervisor) run(signals, children <-chan os.Signal) syscall.WaitStatus {
	timer := time.NewTimer(0)
	for !s.done {
		select {
		case sig := <-signals:
			if sig, ok := sig.(syscall.Signal); ok {
				s.signal(sig)
			}
		case <-children:
			s.reap()
		case a := <-s.answers:
			s.hear(a)
		case <-timer.C:
		}
		s.look()
		timer.Reset(s.pace())
	}
	s.terminal.pass(s.program.pid, syscall.Getpgrp())
	s.endDebugger(children)
	if s.verdict != nil {
		return *s.verdict
	}
	return *s.program.status
}

// pace is how often to look around. Signals, the end of the program and that of
// Delve wake at once.
func (s *supervisor) pace() time.Duration {
	switch {
	case s.first && !s.attached:
		return 3 * time.Millisecond
	case !s.heldSince.IsZero() || !s.deadSince.IsZero() || !s.otherSince.IsZero():
		return 20 * time.Millisecond
	case time.Since(s.started) < freshFor || time.Since(s.abandoned) < wakeWithin:
		return 100 * time.Millisecond
	case !s.ending.IsZero() || s.lingering:
		return 200 * time.Millisecond
	}
	return time.Second // An idle container costs next to nothing.
}

// look does what is to be done now.
func (s *supervisor) look() {
	switch {
	case s.program.status != nil:
		s.finish()
	case s.debugger.status != nil:
		s.debuggerEnded()
	case s.debugger.pid == 0:
		s.wake()
	default:
		s.attend()
	}
}

// signal handles a signal that somebody sent to this process.
func (s *supervisor) signal(sig syscall.Signal) {
	if ends(sig) && s.ending.IsZero() {
		s.ending = time.Now()
	}
	if s.lingering {
		s.done = s.done || ends(sig) || sig == syscall.SIGHUP
		return
	}
	if sig == syscall.SIGCONT { // A shell may have brought this process to the foreground.
		s.terminal.pass(syscall.Getpgrp(), s.program.pid)
	}
	if state := procfs.State(s.program.pid); ends(sig) && (state == procfs.StateTraced || state == procfs.StateStopped) {
		s.letGo = true // Held, it could not act on it.
	}
	if err := syscall.Kill(s.program.pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		s.say("passing signal %d to the program: %v", sig, err)
	}
}

// reap collects the processes that have ended.
func (s *supervisor) reap() {
	reap(func(pid int, status syscall.WaitStatus) {
		switch pid {
		case s.debugger.pid:
			s.debugger.status = &status
		case s.program.pid:
			s.program.status = &status
		}
	})
}

// clients counts the debugger clients that are connected.
func (s *supervisor) clients() int {
	if s.debugger.pid == 0 || s.debugger.status != nil {
		return 0
	}
	return procfs.Clients(s.control, s.debugger.pid)
}

// finish ends the container with the program, unless a client is still connected:
// then when the last one has left, or at once if it was asked to end.
func (s *supervisor) finish() {
	if !s.ending.IsZero() || s.clients() == 0 {
		s.done = true
		return
	}
	if !s.lingering {
		s.lingering = true
		// The program's Ctrl-C is this process's now.
		s.terminal.pass(s.program.pid, syscall.Getpgrp())
	}
}

// endDebugger ends Delve if it has not ended.
func (s *supervisor) endDebugger(children <-chan os.Signal) {
	if s.debugger.pid == 0 {
		return
	}
	deadline := time.NewTimer(leaveWithin)
	for sig := syscall.SIGTERM; s.debugger.status == nil; {
		_ = syscall.Kill(s.debugger.pid, sig)
		select {
		case <-children:
			s.reap()
		case <-deadline.C:
			sig = syscall.SIGKILL
			deadline.Reset(leaveWithin)
		}
	}
}
