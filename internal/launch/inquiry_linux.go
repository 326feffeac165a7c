package launch

import "time"

// answer is what Delve said of the program.
type answer struct {
	// about is the process id of the Delve that was asked.
	about int

	dying bool
	err   error
}

// dialEvery is how often a Delve that has been started is tried to be reached.
const dialEvery = 20 * time.Millisecond

// ask asks Delve how the program is, beside the loop. Its connection is closed
// before the answer is heard, so that it never counts as a client. Where gone is set, Delve
// has only been started: then it is waited for, until gone is closed. It accepts
// connections before it has attached, and answers afterwards.
func (s *supervisor) ask(within time.Duration, gone <-chan struct{}) {
	s.asking = true
	control, about := s.control, s.debugger.pid
	go func() {
		c, err := dial(control)
		for err != nil && gone != nil {
			select {
			case <-gone:
				s.answers <- answer{about: about, err: err}
				return
			case <-time.After(dialEvery):
				c, err = dial(control)
			}
		}
		if err != nil {
			s.answers <- answer{about: about, err: err}
			return
		}
		held, err := dying(c, within)
		c.Close()
		s.answers <- answer{about, held, err}
	}()
}
