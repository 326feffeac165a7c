package launch

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/dlvgen/dlvgen/internal/planfile"
)

// start is what is to be started.
type start struct {
	// path is the file to execute and argv its arguments, argv[0] as production
	// gives it.
	path string
	argv []string

	// delve is the debugger to put beside it. Without one, this process becomes
	// the program.
	delve commandline

	// mode is modeHold or modeContinue where there is a debugger.
	mode mode

	// note says what is unusual, for stderr. Mostly empty.
	note string
}

// debugged tells whether the program gets a debugger.
func (s start) debugged() bool { return len(s.delve.flags) > 0 }

// resolver decides what words mean.
type resolver struct {
	// delve is the word that the image's own CMD begins with.
	delve string

	// asked is the mode of the environment, empty for the image's own.
	asked mode

	plan planfile.Plan
}

// launcher starts the program whose place this process has taken, argv being
// the words that it was started with.
func (r resolver) launcher(argv []string) (start, error) {
	path, err := lookPath(r.plan.Program.Real)
	if err != nil {
		return start{}, err
	}
	c := parseCommandline(append(slices.Clone(r.plan.Debugger), "exec", path))
	return r.under(c, mode(r.plan.Request.Start), start{path: path, argv: argv})
}

// init starts what words, the container's command without init itself, mean.
//
// Words that begin with Delve are the image's own CMD, perhaps edited. Any other
// first word means that the user replaced CMD. The words then mean what they meant
// in production: arguments of its entrypoint, or a whole command if it had none.
// That program gets the debugger, or none if Delve cannot debug it.
func (r resolver) init(words []string) (start, error) {
	if len(words) == 0 {
		words = r.plan.Command
	}
	switch {
	case len(words) == 0:
		return start{}, fmt.Errorf("no command was given, and the image's plan has none: add a command")
	case words[0] == r.delve:
		return r.own(words)
	}
	return r.override(words)
}

// own starts what a command line of Delve's starts.
func (r resolver) own(words []string) (start, error) {
	c := parseCommandline(words)
	if !c.supervised() {
		return alone(words, "")
	}
	path, err := lookPath(c.program)
	if err != nil {
		return start{}, err
	}
	if err := debuggable(path); err != nil && r.asked != modeOff {
		return start{}, fmt.Errorf("%w: build the image with dlvgen, or set %s=%s", err, modeVariable, modeOff)
	}
	m := modeHold
	if c.proceed {
		m = modeContinue
	}
	return r.under(c, m, start{path: path, argv: append([]string{r.name(c)}, c.args...)})
}

// name is the program's argv[0]: production's, where the command line starts what
// production starts.
func (r resolver) name(c commandline) string {
	if c.program != r.plan.Program.Path || !slices.Equal(c.args, r.plan.Program.Args) {
		return c.program
	}
	words := slices.Concat(r.plan.Production.Entrypoint, r.plan.Production.Cmd)
	words = words[min(len(r.plan.Prefix), len(words)):]
	if len(words) == 0 || !slices.Equal(words[1:], c.args) {
		return c.program
	}
	path, err := lookPath(words[0])
	if err != nil {
		return c.program
	}
	if path, err = filepath.Abs(path); err != nil || path != c.program {
		return c.program
	}
	return words[0]
}

// override starts what words mean in production, under Delve if that can be.
func (r resolver) override(words []string) (start, error) {
	// The launchers of others that stand in front have started already.
	entrypoint := r.plan.Production.Entrypoint
	entrypoint = entrypoint[min(len(r.plan.Prefix), len(entrypoint)):]
	production := slices.Concat(entrypoint, words)
	program, err := lookPath(production[0])
	if err != nil {
		return start{}, err
	}
	if err := debuggable(program); err != nil {
		return alone(production, fmt.Sprintf("%v; starting it without the debugger", err))
	}
	c := parseCommandline(r.plan.Command)
	if !c.supervised() {
		return alone(production, fmt.Sprintf("the plan has no command for the debugger; starting %s without it", program))
	}
	return r.under(c, mode(r.plan.Request.Start), start{path: program, argv: production})
}

// under puts a debugger beside what is to be started, in the mode of the image or
// the one that was asked for.
func (r resolver) under(c commandline, image mode, s start) (start, error) {
	s.mode = image
	if r.asked != "" {
		s.mode = r.asked
	}
	if s.mode == modeOff {
		return s, nil
	}
	c.proceed = s.mode == modeContinue
	s.delve = c
	return s, c.check()
}

// alone starts argv as production would.
func alone(argv []string, note string) (start, error) {
	path, err := lookPath(argv[0])
	return start{path: path, argv: argv, note: note}, err
}
