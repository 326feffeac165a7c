package find

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive/refuse"
	"github.com/dlvgen/dlvgen/internal/shell"
	"github.com/dlvgen/dlvgen/internal/shim/gocall"
	"github.com/dlvgen/dlvgen/variants"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// AtStartError says that an image compiles its program when it starts.
type AtStartError struct {
	// Command is what does that, Prefix the known launchers ahead of it. alone is set
	// where that is all that the image starts.
	Command, Prefix []string
	alone           bool

	Config  dockerspec.DockerOCIImageConfig
	request variants.Request
}

func (e *AtStartError) Error() string {
	advice := "compile it in the Dockerfile (RUN go build) and start the program, or derive from the Dockerfile or target that production runs"
	_, cause := e.Run()
	switch {
	case e.request.Rebuild.On() && cause != nil:
		return fmt.Sprintf("the image compiles its program when it starts (%s: %s), and --rebuild cannot compile it in advance: %v; %s",
			refuse.Instruction(e.Config), e.commandLine(), cause, advice)
	case cause == nil:
		advice = "add --rebuild=context to compile it before and start that, or compile it in the Dockerfile (RUN go build) and start the program"
	}
	return fmt.Sprintf("the image compiles its program when it starts (%s: %s): %s", refuse.Instruction(e.Config), e.commandLine(), advice)
}

// commandLine is the command on one line, with its program's name alone, which is all
// that is known before a build.
func (e *AtStartError) commandLine() string {
	line := strings.Join(append([]string{path.Base(e.Command[0])}, e.Command[1:]...), " ")
	return strings.Join(strings.Fields(line), " ")
}

// Run is the call of `go run` that can be made a compile ahead of the start, or why
// there is none.
func (e *AtStartError) Run() (gocall.RunCall, error) {
	call, ok := gocall.ParseRun(e.Command[1:])
	switch r := e.request; {
	case !isGoCommand(e.Command[0]) || !ok:
		return call, errors.New("only go run is supported")
	case !e.alone:
		return call, errors.New("the image starts more than go run")
	case call.Elsewhere || call.Exec:
		return call, errors.New("go run has -C or -exec")
	case strings.Contains(call.Packages[0], "@"):
		return call, fmt.Errorf("%s is not in the image", call.Packages[0])
	case r.Rebuild == variants.RebuildModule:
		return call, errors.New("its sources are in the image, which is --rebuild=context")
	case r.Variant.Kind != variants.KindRemote:
		return call, fmt.Errorf("the variant %s needs the program that production starts", r.Variant.Name)
	case r.Entry == variants.EntryInplace:
		return call, errors.New("entry is inplace, and there is no program for a launcher to replace")
	}
	return call, nil
}

// isGoCommand tells whether a command's first word is the go command's name.
func isGoCommand(word string) bool { return path.Base(word) == "go" }

// watchers are programs that compile a service, start it, and do so again after each
// change of a file: by their names, the repositories that they are of.
var watchers = map[string][]string{
	"CompileDaemon": {"githubnemo/CompileDaemon"},
	"air":           {"air-verse/air", "cosmtrek/air"},
	"arelo":         {"makiuchi-d/arelo"},
	"fresh":         {"gravityblast/fresh", "pilu/fresh", "zzwx/fresh"},
	"gin":           {"codegangsta/gin"},
	"go-watcher":    {"canthefason/go-watcher"},
	"gow":           {"mitranim/gow"},
	"modd":          {"cortesi/modd"},
	"realize":       {"oxequa/realize", "tockins/realize"},
	"reflex":        {"cespare/reflex"},
	"watcher":       {"canthefason/go-watcher"},
	"wgo":           {"bokwoon95/wgo"},
}

// callsGo matches a call of the go command that compiles, in a command line.
var callsGo = regexp.MustCompile(`(^|[\s/'"=])go (run|build|install|test)\b`)

// compilesGo tells whether a command compiles Go: the go command, a watcher, or a program
// that is given such a command, as nodemon and watchexec are.
func compilesGo(ctx context.Context, ev Evidence, command []string) (bool, error) {
	if len(command) == 0 || command[0] == "" {
		return false, nil
	}
	args := strings.Join(command[1:], " ")
	if isGoCommand(command[0]) {
		_, runs := gocall.ParseRun(command[1:])
		return runs || callsGo.MatchString("go "+args), nil
	}
	if shell.Read(command).Parsed {
		return false, nil
	}
	known := watchers[path.Base(command[0])]
	calls := callsGo.MatchString(args)
	if known == nil && !calls {
		return false, nil
	}
	p, err := ev.lookUp(ctx, command[0])
	if err != nil || p == nil {
		return calls, err
	}
	watches := slices.ContainsFunc(known, func(repository string) bool { return strings.Contains(p.madeOf(), repository) })
	return watches || calls && !p.Compiled, nil
}

// compileAmong is the first of several calls that compiles Go, nil where none does.
func compileAmong(ctx context.Context, ev Evidence, calls []shell.Call) ([]string, error) {
	for _, c := range calls {
		if compiles, err := compilesGo(ctx, ev, c.Command()); compiles || err != nil {
			return c.Command(), err
		}
	}
	return nil, nil
}

// atStart refuses an image whose whole command, behind known launchers, is one that
// compiles Go.
func atStart(ctx context.Context, ev Evidence, started *Program, e AtStartError) error {
	launchers, command := shell.SplitLaunchers(append([]string{started.Path}, started.Args...))
	e.Prefix = slices.Concat(started.Command.Prefix, launchers)
	if alone := shell.Read(command).Alone; alone != nil {
		launchers, command = shell.SplitLaunchers(alone)
		e.Prefix = slices.Concat(e.Prefix, launchers)
	}
	compiles, err := compilesGo(ctx, ev, command)
	if err != nil || !compiles {
		return err
	}
	e.Command, e.alone = command, true
	return &e
}

// atStartInScript refuses an image whose script compiles, where it starts no program that
// the build compiles.
func atStartInScript(ctx context.Context, ev Evidence, started *Program, calls []shell.Call, e AtStartError) (err error) {
	if started == nil || started.Facts != nil {
		return nil
	}
	if e.Command, err = compileAmong(ctx, ev, calls); err != nil || e.Command == nil {
		return err
	}
	return &e
}
