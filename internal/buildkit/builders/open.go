package builders

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/docker/cli/cli/command"
	engine "github.com/moby/moby/client"

	"github.com/dlvgen/dlvgen/internal/patience"
)

// answerTimeout bounds how long a builder may take to answer.
const answerTimeout = 10 * time.Second

// Open connects to the first builder that can be used. One that the user named is the only
// one that is tried. The caller closes it.
func Open(ctx context.Context, o Options) (*Builder, error) {
	if o.Notify == nil {
		o.Notify = func(string) {}
	}
	candidates, err := o.candidates()
	if err != nil {
		return nil, err
	}
	none := &NoneError{}
	for _, c := range candidates {
		b, err := c.open(ctx, o)
		switch {
		case err == nil:
			if !c.explicit && c.Driver != driverChild {
				o.Notify("building on " + c.String())
			}
			return b, nil
		case c.explicit, ctx.Err() != nil:
			return nil, err
		}
		none.add(c.Info, err)
		if quiet := c.Driver == driverChild || c.usual() && absent(err); !quiet {
			o.Notify("taking the next builder: " + firstLine(err))
		}
	}
	return nil, none
}

// String names the builder in a sentence.
func (i Info) String() string {
	switch i.Driver {
	case driverAddress:
		return "BuildKit at " + i.Name
	case driverChild:
		return "dlvgen's own BuildKit"
	case driverDocker:
		return fmt.Sprintf("Docker Engine's builder (context %s, %s)", i.Name, i.Endpoint)
	}
	return fmt.Sprintf("the buildx builder %s (%s)", i.Name, i.Driver)
}

// NoneError says which builders were looked at, and why none of them was taken.
type NoneError struct{ reasons []reason }

type reason struct {
	info Info
	err  error
}

func (e *NoneError) add(info Info, err error) { e.reasons = append(e.reasons, reason{info, err}) }

// Error is one line.
func (e *NoneError) Error() string {
	var looked []string
	for _, r := range e.reasons {
		line := firstLine(r.err)
		if r.info.Driver == driverChild {
			line = r.info.String() + ": " + line
		}
		looked = append(looked, line)
	}
	return "no builder can be used. " + strings.Join(looked, ". ") + ". Start one of them, or name another with --builder or --addr"
}

// Unwrap returns the reasons.
func (e *NoneError) Unwrap() []error {
	var errs []error
	for _, r := range e.reasons {
		errs = append(errs, r.err)
	}
	return errs
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return line
}

// usual tells that nobody has chosen the builder: it is looked at on every machine.
func (i Info) usual() bool {
	return i.Driver == driverDocker && i.Name == command.DefaultContextName && os.Getenv(engine.EnvOverrideHost) == ""
}

// absent tells that nothing is there.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// waits bounds the wait for an answer.
func (o Options) waits() *patience.Patience {
	return &patience.Patience{Limit: cmp.Or(o.limit, answerTimeout), Tell: o.Notify}
}
