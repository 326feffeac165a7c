package launch

import (
	"syscall"
	"time"
)

// attend watches over a program that runs or is held.
func (s *supervisor) attend() {
	switch state := readStat(s.program).state; {
	case s.delveStatus != nil:
		s.attendAbandoned(state)
	case state == stateZombie && !alive(s.program):
		// Killed while it was held: the kernel tells only when Delve has waited for
		// each of its threads, and Delve does not look.
		s.enter(inquiring)
	case state != stateTraced:
		s.letGo, s.heldSince, s.askPause = false, time.Time{}, 0
	case !s.ending.IsZero():
		s.attendEnding()
	default:
		s.attendPanic()
	}
}

// attendAbandoned wakes a program that the kernel has stopped because its tracer
// has gone, as it may do with one that was running. Later stops are others' doing.
func (s *supervisor) attendAbandoned(state byte) {
	if state == stateStopped && time.Since(s.abandoned) < wakeWithin {
		_ = syscall.Kill(s.program, syscall.SIGCONT)
	}
}

// attendEnding lets the program go if it is held and was asked to end. One that
// stops later, in its own handler, is left to the client, if there is one.
func (s *supervisor) attendEnding() {
	if s.heldSince.IsZero() {
		if !s.letGo && s.clients() > 0 {
			return
		}
		s.heldSince = time.Now()
	}
	switch {
	case time.Since(s.heldSince) > releaseWithin:
		s.say("the debugger does not let the program go; ending the debugger")
		_ = syscall.Kill(s.delve, syscall.SIGKILL)
	case !s.busy && s.mayAsk():
		s.ask((*session).release)
	}
}

// attendPanic lets a program die of its panic when nobody is there to look at
// it: Delve would hold it for good, and nothing would restart the container.
func (s *supervisor) attendPanic() {
	switch {
	case s.busy || !s.mayAsk():
	case s.clients() > 0:
		s.askPause = 0
	case s.askPause == 0 || time.Since(s.askedAt) > s.askPause:
		// It may have moved on to another stop between two looks.
		s.askedAt, s.askPause = time.Now(), min(max(2*s.askPause, s.pace()), askAtLeast)
		s.ask((*session).state)
	}
}

// mayAsk tells whether init may connect to Delve. Without multi, Delve serves
// one client only and kills the program when that one leaves.
func (s *supervisor) mayAsk() bool {
	if s.control.nowhere() {
		return false
	}
	return s.multi || s.phase == inquiring && s.clients() == 0
}

// ask runs an inquiry beside the loop. Its connection is closed before the
// report is heard, so that it never counts as a client.
func (s *supervisor) ask(inquiry func(*session) (state, error)) {
	s.busy = true
	control, about := s.control, s.program
	ended := s.phase == inquiring
	go func() {
		c, err := dial(control)
		if err != nil {
			s.reports <- report{err: err}
			return
		}
		now, err := inquiry(c)
		c.close()
		s.reports <- report{about, ended, now, err}
	}()
}

// hear takes a report in.
func (s *supervisor) hear(r report) {
	now := r.state
	if r.err != nil || now.running || s.programStatus != nil {
		return
	}
	switch {
	case now.exited && now.pid == s.program && now.status == 0 && !s.settled():
		// Asked again while there is no status.
	case now.exited && now.pid == s.program:
		status := syscall.WaitStatus(now.status << 8)
		if now.status < 0 {
			status = syscall.WaitStatus(-now.status)
		}
		s.programStatus = &status
		s.enter(inquiring)
	case now.exited:
	case r.ended && r.about == s.program && now.pid == s.program:
		// It was killed while it was held, and Delve has not looked at it since.
		status := syscall.WaitStatus(syscall.SIGKILL)
		s.programStatus = &status
	case s.phase == attending && now.dying && s.ending.IsZero() && s.clients() == 0:
		s.say("the program is panicking and no client is connected; letting it end")
		s.ask((*session).resume)
	}
}

// settled tells whether an exit status of 0 can be believed. Delve also says 0
// of a program that it has killed because a client detached, but then it ends.
func (s *supervisor) settled() bool {
	if s.phase != inquiring {
		s.enter(inquiring)
	}
	if s.zeroSince.IsZero() {
		s.zeroSince = time.Now()
	}
	return time.Since(s.zeroSince) > settleWithin
}

// inquire finds out how the program ended. Whoever waited for it knows: init
// itself, or Delve. In between, the zombie tells.
func (s *supervisor) inquire() {
	if s.programStatus != nil {
		s.finish(exitCode(*s.programStatus))
		return
	}
	if s.lookForProgram() {
		return
	}
	zombie := readStat(s.program)
	switch {
	case zombie.state == stateZombie && zombie.status != 0 && zombie.status.Signal() != syscall.SIGKILL:
		s.finish(exitCode(zombie.status))
	case s.delveStatus != nil && zombie.state == 0:
		s.finishWithDelve()
	case time.Since(s.since) > inquireWithin:
		s.finishUnknown(zombie)
	case s.delveStatus == nil && !s.busy && s.mayAsk():
		s.ask((*session).state)
	}
}

// finishWithDelve finishes when both have ended and init waited for neither:
// Delve has killed the program, because it could not debug it or a client said so.
func (s *supervisor) finishWithDelve() {
	code := s.delveCode()
	if exitCode(*s.delveStatus) == 0 {
		s.say("the debugger has killed the program and ended, as a client asked it to")
	}
	s.finish(code)
}

// finishUnknown finishes when Delve does not say how the program ended.
func (s *supervisor) finishUnknown(zombie stat) {
	if zombie.state == stateZombie && zombie.status != 0 {
		s.finish(exitCode(zombie.status))
		return
	}
	s.say("how the program ended could not be found out")
	s.finish(1)
}
