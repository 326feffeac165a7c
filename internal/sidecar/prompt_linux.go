package sidecar

import (
	"os"
	"sync/atomic"
	"time"
)

// promptWithin is how long a prompt may take to end with its debugger.
const promptWithin = time.Second

// prompt is a Delve that talks to a terminal.
type prompt struct {
	process atomic.Pointer[os.Process]

	// left is closed when the user has left it.
	left chan struct{}
}

// prompts shows the prompt when Delve serves.
func (s *server) prompts(serving, gone <-chan struct{}) *prompt {
	p := &prompt{left: make(chan struct{})}
	go func() {
		defer close(p.left)
		select {
		case <-serving:
		case <-gone:
			return
		}
		process, err := s.startDelve(s.prompt, os.Stdout, nil)
		if err == nil {
			p.process.Store(process)
			_, err = process.Wait()
		}
		if err != nil {
			s.say("the prompt: %v", err)
		}
	}()
	return p
}

// end ends it where it does not end with its debugger.
func (p *prompt) end() {
	select {
	case <-p.left:
		return
	case <-time.After(promptWithin):
	}
	if process := p.process.Load(); process != nil {
		_ = process.Kill()
	}
}
