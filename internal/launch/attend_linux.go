package launch

import (
	"fmt"
	"syscall"
	"time"

	"github.com/dlvgen/dlvgen/internal/procfs"
)

// attend watches over a program that has a debugger.
func (s *supervisor) attend() {
	state := procfs.State(s.program.pid)
	dead := state == procfs.StateZombie && !procfs.Alive(s.program.pid)
	if !dead {
		s.deadSince = time.Time{}
	}
	switch {
	case dead:
		s.attendDead()
	case !s.attached:
		s.attendStart(state)
	case s.becameAnother():
		s.replaced = true
		// Not asked to detach: that would restore instructions of the program of before.
		s.killDebugger()
	case state != procfs.StateTraced:
		s.attendRunning()
	case !s.ending.IsZero():
		s.attendEnding()
	default:
		s.attendHeld()
	}
}

// attendDead ends a debugger that does not look at the dead program.
func (s *supervisor) attendDead() {
	if s.deadSince.IsZero() {
		s.deadSince = time.Now()
	}
	if time.Since(s.deadSince) > collectWithin {
		s.killDebugger()
	}
}

// attendStart waits until Delve has attached. Then it takes the stop back in which
// the program waited for that: it would stop again when Delve detaches. A program that
// has threads runs already, as this process was late. It may handle the signal, which
// is none of its own: should it stop again, wake sends it.
func (s *supervisor) attendStart(state byte) {
	if state == procfs.StateTraced && procfs.Tracer(s.program.pid) != 0 {
		s.attached = true
		if s.first && procfs.ReadStatus(s.program.pid).Number("Threads") == 1 {
			_ = syscall.Kill(s.program.pid, syscall.SIGCONT)
		}
		return
	}
	if !s.ending.IsZero() {
		s.killDebugger()
	}
}

// becameAnother tells whether the program is no longer what Delve knows. Delve does not
// follow an execve (1.27.2), and would write its breakpoints into another program. It is
// not to be ended before it has taken the trap at the end of the execve, which would end
// the program.
func (s *supervisor) becameAnother() bool {
	image := procfs.Image(s.program.pid)
	if image == "" || s.image == "" || image == s.image {
		s.otherSince = time.Time{}
		return false
	}
	if s.otherSince.IsZero() {
		s.otherSince = time.Now()
	}
	if time.Since(s.otherSince) < settleWithin || procfs.AwaitsTracer(s.program.pid) {
		return false
	}
	s.image, s.started, s.otherSince = image, time.Now(), time.Time{}
	return true
}

// attendRunning notes that Delve has let the program run.
func (s *supervisor) attendRunning() {
	s.served = s.served || procfs.Tracer(s.program.pid) != 0
	s.letGo, s.told, s.heldSince, s.askPause = false, false, time.Time{}, 0
}

// attendEnding lets the program go if it is held and was asked to end. One that
// stops later, in its own handler, is left to the client, if there is one.
func (s *supervisor) attendEnding() {
	if s.heldSince.IsZero() && !s.letGo && s.clients() > 0 {
		return
	}
	s.release()
}

// release has Delve let the program go and end, as it does on SIGTERM where it has
// attached (cmd/dlv/cmds, waitForDisconnectSignal).
func (s *supervisor) release() {
	switch {
	case s.heldSince.IsZero():
		s.heldSince = time.Now()
	case !s.told && time.Since(s.heldSince) > settleWithin:
		s.told = true
		_ = syscall.Kill(s.debugger.pid, syscall.SIGTERM)
	case time.Since(s.heldSince) > releaseWithin:
		s.say("the debugger does not detach from the program; stopping the debugger")
		s.killDebugger()
	}
}

func (s *supervisor) killDebugger() { _ = syscall.Kill(s.debugger.pid, syscall.SIGKILL) }

// attendHeld asks about a held program that nobody looks at: Delve would hold one
// that panics for good, and nothing would restart the container.
func (s *supervisor) attendHeld() {
	switch {
	case s.asking || !s.what.delve.multi:
	case s.clients() > 0:
		s.askPause = 0
	case s.askPause == 0 || time.Since(s.askedAt) > s.askPause:
		// It may have moved on to another stop between two looks.
		s.askedAt, s.askPause = time.Now(), min(max(2*s.askPause, s.pace()), askAtLeast)
		s.ask(answerWithin, nil)
	}
}

// hear takes an answer of Delve's in.
func (s *supervisor) hear(a answer) {
	s.asking = false
	if a.about != s.debugger.pid || a.err != nil {
		return
	}
	s.served = true
	if a.dying && s.program.status == nil && s.ending.IsZero() && s.clients() == 0 {
		s.say("the program is panicking and no client is connected; letting it exit")
		s.ending, s.letGo = time.Now(), true
	}
}

// wake lets a program run that was left stopped when its debugger ended. Later stops
// are others' doing.
func (s *supervisor) wake() {
	if time.Since(s.abandoned) < wakeWithin && procfs.State(s.program.pid) == procfs.StateStopped {
		_ = syscall.Kill(s.program.pid, syscall.SIGCONT)
	}
}

// attach starts a debugger for the program.
func (s *supervisor) attach(proceed bool) {
	s.attached, s.served, s.replaced = false, false, false
	s.letGo, s.told, s.heldSince = false, false, time.Time{}
	var err error
	s.debugger, err = startDelve(s.what.delve, s.program.pid, proceed, s.DelveConfig)
	switch {
	case err != nil && s.first:
		s.refuse(fmt.Sprintf("starting the debugger: %v", err))
	case err != nil:
		s.abandoned = time.Now()
		s.say("starting the debugger: %v; the program continues without it", err)
	case s.what.delve.multi && !s.asking:
		gone := make(chan struct{})
		s.debugger.gone = gone
		s.ask(0, gone)
	}
}

// debuggerEnded decides what comes after a debugger.
func (s *supervisor) debuggerEnded() {
	s.hearLast()
	status, first, replaced := *s.debugger.status, s.first, s.replaced
	// It ends so when it has served, but also where it does not know a flag.
	clean := status == 0 && (s.attached || s.served)
	served := s.served || clean
	s.debugger, s.first, s.abandoned = process{}, false, time.Now()
	s.wakeFor(first && !served && s.ending.IsZero())
	if clean {
		s.failures = 0
	} else if !replaced {
		s.failures++
	}
	switch {
	case !s.ending.IsZero() || !procfs.Alive(s.program.pid):
	case replaced:
		s.attachToNext()
	case first && !served:
		s.refuse(cause(status))
	case clean:
		s.say("a client stopped the debugger; the program continues, and a new debugger attaches to it")
		s.attach(true)
	case served && s.failures == 1:
		s.say("the debugger exited (%s); the program continues, and a new debugger attaches to it", describe(status))
		s.attach(true)
	default:
		s.say("the debugger exited (%s); the program continues without it", describe(status))
	}
}

// hearLast hears what a debugger that was waited for said before it ended: it may have served,
// and have ended before its answer was heard.
func (s *supervisor) hearLast() {
	if s.debugger.gone == nil {
		return
	}
	close(s.debugger.gone)
	if !s.asking {
		return
	}
	select {
	case a := <-s.answers:
		s.hear(a)
	case <-time.After(hearWithin):
	}
}

// wakeFor wakes the program, unless it is to be ended before it has run.
func (s *supervisor) wakeFor(refused bool) {
	if !refused {
		s.wake()
	}
}

// attachToNext gives a debugger to what the program has become. It may have become one more
// since that was seen, as a launcher does: the debugger is not to be ended for that.
func (s *supervisor) attachToNext() {
	s.image = procfs.Image(s.program.pid)
	if err := debuggable(fmt.Sprintf("/proc/%d/exe", s.program.pid)); err != nil {
		s.say("the program executed another program, which continues without the debugger: %v", err)
		return
	}
	s.say("the program executed another program, and a new debugger attaches to it")
	s.attach(true)
}

// refuse ends the program before it has run: no container is to look debuggable only.
func (s *supervisor) refuse(reason string) {
	s.say("%s", reason)
	status := exited(1)
	s.verdict, s.ending = &status, time.Now()
	_ = syscall.Kill(s.program.pid, syscall.SIGKILL)
}

// cause says why there is no debugger, as far as can be known from outside.
func cause(status syscall.WaitStatus) string {
	remedy := "if that was not permitted, give the container the SYS_PTRACE capability and a seccomp profile that allows ptrace"
	if scope := yamaScope(); scope == "2" || scope == "3" {
		remedy = "kernel.yama.ptrace_scope is " + scope + " on this host: set it to 0 or 1 there, or, if it is 2, give the container the SYS_PTRACE capability"
	}
	return fmt.Sprintf("the debugger could not attach to the program (%s), see its message above; %s, or set %s=%s",
		describe(status), remedy, modeVariable, modeOff)
}
