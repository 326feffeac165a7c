package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
)

// Exit codes of container runtimes for a command that cannot be started.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
)

// start is what init does with the words that it was handed.
type start struct {
	// path is the program to start and argv its arguments, argv[0] included.
	path string
	argv []string

	// delve is set where argv is a command line of Delve's to be supervised;
	// otherwise init becomes the program.
	delve commandline

	// note says what is unusual, for stderr. Mostly empty.
	note string
}

// resolve decides what argv, the arguments of init, mean. delve is the word
// that the image's own CMD begins with; planPath the file of the plan.
//
// Any other first word means that the user replaced CMD. The words then mean
// what they meant in production: arguments of its entrypoint, or a whole command
// if it had none. That program is started under Delve, with the flags of the
// image's own CMD, or alone if Delve cannot debug it.
func resolve(argv []string, delve, planPath string) (start, error) {
	if len(argv) > 0 && argv[0] == delve {
		return own(argv)
	}
	p, err := readPlan(planPath)
	if err != nil {
		if len(argv) == 0 {
			return start{}, fmt.Errorf("no command was given and there is none to find: %w", err)
		}
		return alone(argv, fmt.Sprintf("%v; starting %q without the debugger", err, argv[0]))
	}
	if len(argv) == 0 {
		if len(p.Command) == 0 {
			return start{}, fmt.Errorf("no command was given and the plan at %s has none", planPath)
		}
		return own(p.Command)
	}
	return override(argv, p)
}

// own starts a command line of Delve's.
func own(argv []string) (start, error) {
	path, err := lookPath(argv[0])
	if err != nil {
		return start{}, err
	}
	s := start{path: path, argv: argv}
	if c := parseCommandline(argv); c.supervised() {
		s.delve = c
	}
	return s, nil
}

// alone starts argv as production would.
func alone(argv []string, note string) (start, error) {
	path, err := lookPath(argv[0])
	if err != nil {
		return start{}, err
	}
	return start{path: path, argv: argv, note: note}, nil
}

// override starts what args mean in production, under Delve if that can be.
func override(args []string, p plan) (start, error) {
	production := slices.Concat(p.Production.Entrypoint, args)
	program, err := lookPath(production[0])
	if err != nil {
		return start{}, err
	}
	if err := debuggable(program); err != nil {
		return alone(production, fmt.Sprintf("%v; starting it without the debugger", err))
	}
	c := parseCommandline(p.Command)
	if !c.supervised() {
		return alone(production, fmt.Sprintf("the plan has no command for the debugger; starting %s without it", program))
	}
	return own(slices.Concat(p.Command[:c.program], []string{program, "--"}, production[1:]))
}

// commandError is an error that a container runtime has an exit code for.
type commandError struct {
	err  error
	code int
}

func (e *commandError) Error() string { return e.err.Error() }
func (e *commandError) Unwrap() error { return e.err }

// lookPath finds a program as runc does: a name without a slash along PATH,
// any other as it stands, relative to the working directory.
func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, fs.ErrPermission):
		return "", &commandError{fmt.Errorf("starting the command: %w", err), exitNotExecutable}
	default:
		return "", &commandError{fmt.Errorf("starting the command: %w", err), exitNotFound}
	}
}
