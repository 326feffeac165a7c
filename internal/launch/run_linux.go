package launch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/layout"
)

// Config is where init finds things.
type Config struct {
	// Delve is the word that the image's own CMD begins with. Default: layout.Delve.
	Delve string

	// Plan is the file of the plan. Default: layout.Plan.
	Plan string

	// Messages is where init says what is unusual. Default: os.Stderr.
	Messages io.Writer
}

// Run does init's work for argv, the container's command without init itself,
// and returns the container's exit code. If there is nothing to supervise, this
// process becomes the command and Run does not return.
func Run(argv []string, c Config) int {
	if c.Delve == "" {
		c.Delve = layout.Delve
	}
	if c.Plan == "" {
		c.Plan = layout.Plan
	}
	if c.Messages == nil {
		c.Messages = os.Stderr
	}
	what, err := resolve(argv, c.Delve, c.Plan)
	if err != nil {
		return fail(c.Messages, err)
	}
	if what.note != "" {
		_, _ = fmt.Fprintf(c.Messages, "dlvgen: %s\n", what.note)
	}
	if what.delve.supervised() {
		return supervise(what, c.Messages)
	}
	err = syscall.Exec(what.path, what.argv, os.Environ())
	return fail(c.Messages, &commandError{fmt.Errorf("starting %s: %w", what.path, err), exitNotExecutable})
}

func fail(messages io.Writer, err error) int {
	_, _ = fmt.Fprintf(messages, "dlvgen: %v\n", err)
	var command *commandError
	if errors.As(err, &command) {
		return command.code
	}
	return 1
}
