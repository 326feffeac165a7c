package watch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// commandGrace is how long a command has to end that is told to.
const commandGrace = 10 * time.Second

// Command is a command line of a shell that runs.
type Command struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error
}

// Start runs a command line by the system's shell, with variables beside those of this process,
// and both of its outputs to out. It has no input.
func Start(line string, env []string, out io.Writer) (*Command, error) {
	c := &Command{cmd: shell(line), ended: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.Stdout, c.cmd.Stderr = out, out
	// A process that it leaves behind may keep the outputs.
	c.cmd.WaitDelay = time.Second
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("running %q: %w", line, err)
	}
	go func() {
		defer close(c.ended)
		err := c.cmd.Wait()
		var exit *exec.ExitError
		switch {
		case errors.Is(err, exec.ErrWaitDelay):
		case errors.As(err, &exit) && exit.ExitCode() >= 0:
			c.err = fmt.Errorf("the command %q has failed with exit code %d", line, exit.ExitCode())
		case err != nil:
			c.err = fmt.Errorf("the command %q has failed: %w", line, err)
		}
	}()
	return c, nil
}

// Ended is closed when the command has ended.
func (c *Command) Ended() <-chan struct{} { return c.ended }

// Err says how the command has failed. It may be asked when the command has ended.
func (c *Command) Err() error { return c.err }

// Stop tells the command and its children to end, and kills those that do not in time. It
// returns when the command has ended.
func (c *Command) Stop() {
	select {
	case <-c.ended:
		return
	default:
	}
	terminate(c.cmd.Process)
	timer := time.NewTimer(commandGrace)
	defer timer.Stop()
	select {
	case <-c.ended:
		return
	case <-timer.C:
	}
	kill(c.cmd.Process)
	<-c.ended
}
