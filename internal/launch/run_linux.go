package launch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/planfile"
	"github.com/dlvgen/dlvgen/internal/procfs"
)

// Config is where init and launcher find things.
type Config struct {
	// Executable is the path of this program. At any other than layout.Init it is
	// a launcher, if the image has one. Default: os.Executable.
	Executable string

	// Delve is the word that the image's own CMD begins with. Default: layout.Delve.
	Delve string

	// Plan is the file of the plan. Default: layout.Plan.
	Plan string

	// DelveConfig is the debugger's own XDG_CONFIG_HOME. Default: layout.Config.
	DelveConfig string

	// Messages is where to say what is unusual. Default: os.Stderr.
	Messages io.Writer

	// Stage puts the first stage of a start in front of each, as it is where the
	// kernel asks for it. Default: false, the kernel's Yama decides.
	Stage bool
}

// Run starts what argv asks for, its first word being this program itself, and
// returns the exit code. If there is nothing to supervise, this process becomes the
// command and Run does not return; nor does it if the program died of a signal and
// this process can die of the same.
func Run(argv []string, c Config) int {
	c = c.withDefaults()
	if err := giveUpSetID(); err != nil {
		return c.fail(err)
	}
	if argv[0] == stageWord {
		return c.fail(stage(argv[1:]))
	}
	if len(argv) > 1 && argv[1] == layout.GrantWord {
		if err := grant(argv[2:]); err != nil {
			return c.fail(err)
		}
		return 0
	}
	// The kernel ties a traced child, and the signal for the death of a parent, to
	// the thread.
	runtime.LockOSThread()
	r, launcher, err := c.resolver()
	if err != nil {
		return c.fail(err)
	}
	if launcher {
		return c.runLauncher(r, argv)
	}
	what, err := r.init(argv[1:])
	if err != nil {
		return c.fail(err)
	}
	what = what.traceable()
	if !what.debugged() {
		return c.become(what)
	}
	control := procfs.ParseAddress(what.delve.listen)
	if control.Nowhere() {
		return c.fail(fmt.Errorf("the debugger's address %q has no fixed port: use an address with a port, such as --listen=:8000", what.delve.listen))
	}
	if err := probe(control); err != nil {
		return c.fail(fmt.Errorf("the debugger cannot listen: %w; use another address with --listen, or set %s=%s", err, modeVariable, modeOff))
	}
	return c.supervise(what, control)
}

// runLauncher runs the program that this one stands in front of. An instance that
// finds the debugger's address taken becomes the program.
func (c Config) runLauncher(r resolver, argv []string) int {
	what, err := r.launcher(argv)
	if err != nil {
		return c.fail(err)
	}
	what = what.traceable()
	if !what.debugged() {
		return c.become(what)
	}
	control := procfs.ParseAddress(what.delve.listen)
	claim, err := claimAddress(control)
	if err != nil {
		what.note = fmt.Sprintf("%v; starting %s without the debugger", err, argv[0])
		return c.become(what)
	}
	defer claim.release()
	return c.supervise(what, control)
}

func (c Config) withDefaults() Config {
	if c.Executable == "" {
		// Without /proc it stays empty, which is what a launcher's may be.
		c.Executable, _ = os.Executable()
	}
	if c.Delve == "" {
		c.Delve = layout.Delve
	}
	if c.Plan == "" {
		c.Plan = layout.Plan
	}
	if c.DelveConfig == "" {
		c.DelveConfig = layout.Config
	}
	if c.Messages == nil {
		c.Messages = os.Stderr
	}
	return c
}

// entryInplace is the entry of an image with a launcher, variants.EntryInplace.
const entryInplace = "inplace"

// resolver reads what words are resolved with, and whether this is a launcher.
// Init does without a plan, if it has to, but not with one that it would misread.
func (c Config) resolver() (r resolver, launcher bool, err error) {
	r = resolver{delve: c.Delve}
	if r.asked, err = takeMode(); err != nil {
		return r, false, err
	}
	r.plan, err = planfile.Read(c.Plan)
	if err != nil && (c.Executable != layout.Init || errors.Is(err, planfile.ErrNewer)) {
		return r, false, err
	}
	if err != nil {
		c.say("%v; continuing without it", err)
	}
	return r, r.plan.Request.Entry == entryInplace && c.Executable != layout.Init, nil
}

// become makes this process the program.
func (c Config) become(what start) int {
	if what.note != "" {
		c.say("%s", what.note)
	}
	return c.fail(startError(what.path, syscall.Exec(what.path, what.argv, os.Environ())))
}

// say writes one line.
func (c Config) say(format string, args ...any) {
	_, _ = fmt.Fprintf(c.Messages, "dlvgen: "+format+"\n", args...)
}

// fail says an error and returns its exit code.
func (c Config) fail(err error) int {
	c.say("%v", err)
	var command *commandError
	if errors.As(err, &command) {
		return command.code
	}
	return 1
}
