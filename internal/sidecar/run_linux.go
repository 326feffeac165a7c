package sidecar

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/procfs"
)

// idleVariable is that of [Config.Idle], which `dlvgen debug` sets.
const idleVariable = "DLVGEN_IDLE"

// Config is where a sidecar finds things.
type Config struct {
	// Plan is the file of the plan. Default: layout.Plan.
	Plan string

	// DelveConfig is the debugger's own XDG_CONFIG_HOME. Default: layout.Config.
	DelveConfig string

	// Processes lists the PIDs among which the program is looked for. Default: all of
	// the PID namespace.
	Processes func() []int

	// Idle is how long nobody may be connected until the debugger leaves, which also does so
	// with a client that ends it: nobody else ends an ephemeral container of Kubernetes.
	// Default: DLVGEN_IDLE of the environment, such as 10m, else 0, for ever.
	Idle time.Duration

	// Messages is where to say what happens. Default: os.Stderr.
	Messages io.Writer
}

// Run finds the program and attaches the debugger to it. args are the words behind
// the image: none, or the PID, name or path of the process to attach to. With a
// terminal on stdin and stdout it has Delve's prompt there, and returns when that is
// left. Otherwise it serves until it is told to end, or the program ends: 0; or until
// something fails: 1, or the debugger's exit code.
func Run(args []string, c Config) int {
	c = c.withDefaults()
	// The kernel ties the signal for the death of a parent to the thread.
	runtime.LockOSThread()
	p, err := readPlan(c.Plan)
	if err != nil {
		return c.fail(err)
	}
	t, err := p.target(args, foreign(c.Processes()))
	if err != nil {
		return c.fail(err)
	}
	if err := p.describes(t); err != nil {
		return c.fail(err)
	}
	image, err := os.Stat(file(t.pid))
	if err != nil {
		return c.fail(fmt.Errorf("inspecting %s: %w", t, err))
	}
	s := server{Config: c, target: t, image: image, stopped: procfs.State(t.pid) == procfs.StateStopped}
	s.terminal = isTerminal(os.Stdin) && isTerminal(os.Stdout)
	closeAll, err := s.listen(p)
	if err != nil {
		return c.fail(err)
	}
	defer closeAll()
	return s.run()
}

func (c Config) withDefaults() Config {
	if c.Plan == "" {
		c.Plan = layout.Plan
	}
	if c.DelveConfig == "" {
		c.DelveConfig = layout.Config
	}
	if c.Processes == nil {
		c.Processes = namespace
	}
	if c.Idle == 0 {
		c.Idle, _ = time.ParseDuration(os.Getenv(idleVariable))
	}
	if c.Messages == nil {
		c.Messages = os.Stderr
	}
	return c
}

func (c Config) say(format string, args ...any) {
	_, _ = fmt.Fprintf(c.Messages, "dlvgen: "+format+"\n", args...)
}

func (c Config) fail(err error) int {
	c.say("%v", err)
	return 1
}
