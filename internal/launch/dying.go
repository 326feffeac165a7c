package launch

import (
	"context"
	"time"

	"github.com/dlvgen/dlvgen/internal/delverpc"
	"github.com/dlvgen/dlvgen/internal/procfs"
)

// answerWithin bounds the wait for an answer that does not depend on the
// program. Delve accepts connections once it has read the debug information,
// which takes seconds for a large program.
const answerWithin = 5 * time.Second

// Names of the breakpoints that Delve sets by itself where the runtime ends a
// program (github.com/go-delve/delve/pkg/proc, UnrecoveredPanic and FatalThrow).
const (
	unrecoveredPanic = "unrecovered-panic"
	fatalThrow       = "runtime-fatal-throw"
)

// dial connects to Delve at a.
func dial(a procfs.Address) (*delverpc.Client, error) {
	return delverpc.Dial(context.Background(), a.Network, a.Dial...)
}

// dying asks whether the program is held where the runtime ends it. It does not
// wait for the program to stop; within bounds the wait for Delve itself, 0 is no bound.
func dying(c *delverpc.Client, within time.Duration) (bool, error) {
	now, err := c.Now(within)
	if err != nil || now.Thread == nil || now.Thread.Breakpoint == nil {
		return false, err
	}
	name := now.Thread.Breakpoint.Name
	return name == unrecoveredPanic || name == fatalThrow, nil
}
