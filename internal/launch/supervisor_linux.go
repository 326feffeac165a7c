package launch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// phase is where a supervisor stands between the start and the end of the
// container.
type phase int

const (
	starting  phase = iota // Delve has not started the program yet
	attending              // the program runs, or is held
	inquiring              // the program has ended, how is being found out
	lingering              // its exit code is known, a client is still connected
)

// pace is how often a phase looks around. Signals, the end of Delve and the end
// of the program wake it at once.
func (s *supervisor) pace() time.Duration {
	switch s.phase {
	case starting: // 10 ms at first, a quarter of a second after 12 s.
		return min(10*time.Millisecond+time.Since(s.since)/50, 250*time.Millisecond)
	case inquiring:
		return 20 * time.Millisecond
	case attending:
		if s.ending.IsZero() && s.abandoned.IsZero() && s.heldSince.IsZero() {
			return time.Second // nothing is under way: an idle container costs next to nothing
		}
	}
	return 200 * time.Millisecond
}

// Bounds of what depends on Delve.
const (
	// releaseWithin is how long Delve may take to let a held program go. Docker
	// kills a container 10 s after it asked it to end.
	releaseWithin = 3 * time.Second

	// inquireWithin is how long it may take to tell how the program ended.
	inquireWithin = 5 * time.Second

	// askAtLeast is how often Delve is asked about a program that stays held.
	askAtLeast = 5 * time.Second

	// settleWithin is how long after the program Delve ends, if a client told it to.
	settleWithin = 200 * time.Millisecond

	// wakeWithin is how long after the end of Delve a program found stopped is woken.
	wakeWithin = time.Second

	// leaveWithin is how long it may take to end when told to.
	leaveWithin = 500 * time.Millisecond
)

// supervisor runs Delve and the program. All fields belong to the goroutine of
// run; others report over channels.
type supervisor struct {
	messages io.Writer
	control  address
	multi    bool // Delve goes on when a client leaves

	delve       int // pid
	delveStatus *syscall.WaitStatus
	abandoned   time.Time // when the program lost its debugger

	program       int // pid, 0 before Delve has started it
	programStatus *syscall.WaitStatus
	ended         <-chan struct{}

	phase   phase
	since   time.Time        // when phase began
	waiting []syscall.Signal // came before there was a program

	// ending is when a signal asked the program to end; zero before.
	ending time.Time

	// letGo asks to release the program if it is held, whoever is connected.
	letGo bool

	// heldSince is when Delve was first asked to release the program from this
	// stop; zero if it was not.
	heldSince time.Time

	// askedAt is when Delve was last asked whether this stop is a panic, and
	// askPause how long not to ask again; zero if it was not asked.
	askedAt  time.Time
	askPause time.Duration

	// zeroSince is when Delve first said that the program exited with status 0.
	zeroSince time.Time

	// busy is set while an inquiry is under way; reports has room for one.
	busy    bool
	reports chan report

	code int
	done bool
}

// report is what came of an inquiry with Delve.
type report struct {
	// about is the program that was asked about, ended whether it was known then
	// that it had ended. A client may have restarted it since.
	about int
	ended bool

	state state
	err   error
}

func (s *supervisor) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.messages, "dlvgen: "+format+"\n", args...)
}

// supervise starts Delve and stays until the container may end. It returns its
// exit code.
func supervise(what start, messages io.Writer) int {
	adoptOrphans()
	signals, children := catchSignals()
	// A process group of its own keeps the terminal's Ctrl-C away from Delve,
	// which would kill the program on it.
	pid, err := syscall.ForkExec(what.path, what.argv, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return fail(messages, &commandError{fmt.Errorf("starting the debugger %s: %w", what.path, err), exitNotExecutable})
	}
	s := &supervisor{
		messages: messages,
		control:  parseAddress(what.delve.listen), multi: what.delve.multi,
		delve: pid, since: time.Now(), reports: make(chan report, 1),
	}
	return s.run(signals, children)
}

func (s *supervisor) run(signals, children <-chan os.Signal) int {
	timer := time.NewTimer(0)
	for !s.done {
		select {
		case sig := <-signals:
			if sig, ok := sig.(syscall.Signal); ok {
				s.signal(sig)
			}
		case <-children:
			s.reap()
		case <-s.ended:
			s.ended = nil
			s.enter(inquiring)
		case r := <-s.reports:
			s.busy = false
			s.hear(r)
		case <-timer.C:
		}
		s.look()
		timer.Reset(s.pace())
	}
	s.endDelve(children)
	return s.code
}

// clients counts the debugger clients that are connected.
func (s *supervisor) clients() int { return clients(s.control, s.delve) }

func (s *supervisor) enter(p phase) {
	s.phase, s.since = p, time.Now()
}

// look does what the phase has to do at its pace.
func (s *supervisor) look() {
	if s.done {
		return
	}
	switch s.phase {
	case starting:
		s.lookForProgram()
	case attending:
		s.attend()
	case inquiring:
		s.inquire()
	case lingering:
		if !s.lookForProgram() && s.clients() == 0 {
			s.done = true
		}
	}
}

// lookForProgram finds the program that Delve started, first or again: a client
// may restart it.
func (s *supervisor) lookForProgram() bool {
	pid := tracee(s.delve)
	if pid == 0 || pid == s.program {
		return false
	}
	s.program, s.programStatus, s.ended = pid, nil, watch(pid)
	s.letGo, s.heldSince, s.zeroSince, s.askPause = false, time.Time{}, time.Time{}, 0
	s.enter(attending)
	for _, sig := range s.waiting {
		s.forward(sig)
	}
	s.waiting = nil
	return true
}

// signal handles a signal that somebody sent to init.
func (s *supervisor) signal(sig syscall.Signal) {
	if ends(sig) && s.ending.IsZero() {
		s.ending = time.Now()
	}
	switch s.phase {
	case starting, inquiring: // Inquiring, there may be a next program.
		s.waiting = append(s.waiting, sig)
	case attending:
		s.forward(sig)
	case lingering:
		s.done = s.done || ends(sig) || sig == syscall.SIGHUP
	}
}

// forward passes a signal to the program. Held, it could not act on it.
func (s *supervisor) forward(sig syscall.Signal) {
	if ends(sig) && readStat(s.program).state == stateTraced {
		s.letGo = true
	}
	if err := syscall.Kill(s.program, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		s.say("passing signal %d to the program: %v", sig, err)
	}
}

// reap collects the processes that have ended.
func (s *supervisor) reap() {
	reap(func(pid int, status syscall.WaitStatus) {
		switch pid {
		case s.delve:
			s.delveStatus = &status
			s.delveEnded()
		case s.program: // Delve ended first, so it became a child of init.
			s.programStatus = &status
			s.enter(inquiring)
		}
	})
}

func (s *supervisor) delveEnded() {
	switch {
	case s.phase == starting:
		s.finish(s.delveCode())
	case s.phase == attending && alive(s.program):
		s.abandoned = time.Now()
		s.say("the debugger has ended (%s); the program goes on without it", describe(*s.delveStatus))
	case s.phase == lingering:
		s.done = true
	}
}

// delveCode is the exit code for a program that Delve has not let come to its
// own end. It is never 0.
func (s *supervisor) delveCode() int {
	if code := exitCode(*s.delveStatus); code != 0 {
		return code
	}
	if s.program == 0 {
		return 1
	}
	return 128 + int(syscall.SIGKILL)
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "signal: " + status.Signal().String()
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}

// finish notes the exit code. The container ends when the last client has left,
// or at once if it was asked to end.
func (s *supervisor) finish(code int) {
	s.code = code
	if s.delveStatus != nil || !s.ending.IsZero() || s.clients() == 0 {
		s.done = true
		return
	}
	takeTerminal()
	s.enter(lingering)
}

// endDelve ends Delve if it has not ended, so that nothing is left behind where
// init is not PID 1.
func (s *supervisor) endDelve(children <-chan os.Signal) {
	deadline := time.NewTimer(leaveWithin)
	for sig := syscall.SIGTERM; s.delveStatus == nil; {
		_ = syscall.Kill(s.delve, sig)
		select {
		case <-children:
			s.reap()
		case <-deadline.C:
			sig = syscall.SIGKILL
			deadline.Reset(leaveWithin)
		}
	}
}
