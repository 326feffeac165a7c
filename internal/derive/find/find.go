// Package find finds the program that an image starts, over evidence: observed in what was
// built, or predicted from the definition and the build context.
package find

import (
	"context"
	"path"
	"slices"

	"github.com/dlvgen/dlvgen/internal/derive/refuse"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/shell"
	"github.com/dlvgen/dlvgen/variants"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// Evidence is what is known of an image: observed in what was built, or predicted from
// the definition and the build context.
type Evidence interface {
	// lookUp finds the file that a command's first word names, as a container runtime
	// would: a name without a slash along PATH, a relative one below WORKDIR. It is nil
	// where there is none.
	lookUp(ctx context.Context, word string) (*Program, error)

	// absence says how it is known that there is none.
	absence() string

	// has tells whether the image surely has something at a path.
	has(ctx context.Context, at string) (bool, error)

	// compiles tells whether the build compiles any program.
	compiles() bool

	// isProgram tells whether it is p that is to be debugged, and not what p starts. The
	// error is an [OpenError] where only a build can tell.
	isProgram(ctx context.Context, p *Program) (bool, error)

	// isCandidate tells whether a word of a script names p, and a step compiles that.
	isCandidate(word string, p *Program) bool

	// candidates are the programs in the image that the build compiles. They are those
	// that a script names where nothing else is known, and whole is false then.
	candidates(ctx context.Context, named []*Program) (list []*Program, whole bool, err error)
}

// OpenError is what only a build can tell of the program.
type OpenError struct {
	what string

	// Program is the path of it, where that is known, and Detour what the image starts in
	// between.
	Program, Detour string
}

func (e *OpenError) Error() string { return e.what }

// Find is the program to debug: the one that was asked for, or the one that the image's
// command leads to. Where the command leads to anything else than a program that the
// build compiles, it is the only compiled one in the image. It may be no Go program. An
// image that starts Delve, or compiles what it starts, is refused.
func Find(ctx context.Context, ev Evidence, cfg dockerspec.DockerOCIImageConfig, r variants.Request) (*Program, error) {
	started, err := startedBy(ctx, ev, cfg)
	if err != nil && r.Program == "" {
		return nil, err
	}
	if started != nil && started.isDelve() {
		return started, refuse.StartsDelve(started.Path, cfg)
	}
	calls, err := scriptCalls(ctx, ev, started)
	if err != nil {
		return nil, err
	}
	delve, err := calledDelve(ctx, ev, calls)
	switch {
	case err != nil:
		return nil, err
	case delve != nil:
		return delve, refuse.StartsDelve(delve.Path, cfg)
	case r.Program != "":
		p, err := askedFor(ctx, ev, cfg, r.Program, started)
		if err == nil {
			_, err = ev.isProgram(ctx, p)
		}
		return p, err
	case started == nil:
		return behind(ctx, ev, cfg, r, nil, nil)
	}
	if err := atStart(ctx, ev, started, AtStartError{Config: cfg, request: r}); err != nil {
		return nil, err
	}
	if is, err := ev.isProgram(ctx, started); is || err != nil {
		return started, err
	}
	return behind(ctx, ev, cfg, r, started, calls)
}

// startedBy is what the image's command starts, once known launchers are out of the way:
// nil where that is nothing.
func startedBy(ctx context.Context, ev Evidence, cfg dockerspec.DockerOCIImageConfig) (*Program, error) {
	argv := slices.Concat(cfg.Entrypoint, cfg.Cmd)
	if len(argv) == 0 || argv[0] == "" {
		return nil, nil
	}
	var prefix []string
	for {
		p, err := ev.lookUp(ctx, argv[0])
		if err != nil {
			return nil, err
		}
		if p == nil {
			return nil, refuse.NoSuchFile(argv[0], cfg, ev.absence())
		}
		p.Args, p.Command.Prefix = argv[1:], prefix
		launcher, rest, ok := shell.Launched(argv)
		if !ok || p.Compiled {
			return p, nil
		}
		prefix, argv = append(slices.Clone(prefix), launcher...), rest
	}
}

// calledDelve is Delve where a script names it; nil where it does not.
func calledDelve(ctx context.Context, ev Evidence, calls []shell.Call) (*Program, error) {
	for _, c := range calls {
		if i := slices.IndexFunc(c.Words(), func(w string) bool { return path.Base(w) == delveName }); i >= 0 {
			p, err := ev.lookUp(ctx, c.Words()[i])
			if err != nil || p == nil || !p.isDelve() {
				return nil, err
			}
			return p, nil
		}
	}
	return nil, nil
}

// askedFor is the program of that path, started by the image's command or by
// whatever that starts.
func askedFor(ctx context.Context, ev Evidence, cfg dockerspec.DockerOCIImageConfig, asked string, started *Program) (*Program, error) {
	p, err := ev.lookUp(ctx, path.Clean(asked))
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, refuse.NoSuchProgram(asked)
	}
	if started != nil && started.is(p) {
		return started, nil
	}
	p.asked, p.Command.Detour = true, detour(started, cfg)
	return p, nil
}

// behind is the one program that the build compiles behind what the image starts, which
// is none itself: the one that the calls of a script name, or the only one in the image.
func behind(ctx context.Context, ev Evidence, cfg dockerspec.DockerOCIImageConfig, r variants.Request, started *Program, calls []shell.Call) (*Program, error) {
	named, err := namedBy(ctx, ev, calls, ev.isCandidate)
	if err == nil && len(named) == 0 {
		err = atStartInScript(ctx, ev, started, calls, AtStartError{Config: cfg, request: r})
	}
	if err != nil {
		return nil, err
	}
	candidates, whole, err := ev.candidates(ctx, named)
	if err != nil {
		return nil, err
	}
	if len(named) == 1 {
		if i := slices.IndexFunc(candidates, named[0].is); i >= 0 {
			named = candidates[i : i+1]
		}
		candidates = named // which may lie where nobody searches
	}
	between := detour(started, cfg)
	switch {
	case len(candidates) == 1 && started != nil:
		return candidates[0].behind(between), nil
	case len(candidates) > 0 && whole:
		return nil, refuse.Several(between, len(candidates), listed(candidates))
	case len(candidates) > 0:
		return nil, &OpenError{Detour: between, what: "the image starts " + between + ", which names " + listed(candidates) + ": choose with --program PATH where both are in the image"}
	case started == nil && (whole || !ev.compiles()):
		return nil, refuse.StartsNothing()
	case started == nil:
		return nil, refuse.Unchosen(between)
	case !whole && ev.compiles():
		return nil, &OpenError{Detour: between, what: "the image starts " + between + ": it starts the only compiled program in the image, or the one named with --program"}
	case !ev.compiles():
		return readyMade(ctx, ev, started, calls, between)
	}
	return started, nil
}

// readyMade is the one Go program that a script names, where the build compiles none. It
// is what the image starts where there is none or several. Of a file that cannot be read
// only a build can tell whether it is one.
func readyMade(ctx context.Context, ev Evidence, started *Program, calls []shell.Call, between string) (*Program, error) {
	found, err := namedBy(ctx, ev, calls, func(_ string, p *Program) bool { return p.Facts != nil || p.from.Named && p.missing() })
	if err != nil {
		return started, err
	}
	if len(found) == 1 {
		_, err = ev.isProgram(ctx, found[0])
		return found[0].behind(between), err
	}
	if started.unknown() {
		return nil, &OpenError{Program: started.Path, what: onlyABuild(started)}
	}
	if !started.RunsScript() {
		return started, nil
	}
	found, err = namedBy(ctx, ev, calls, func(_ string, p *Program) bool { return p.unknown() })
	if err == nil && len(found) > 0 {
		return nil, &OpenError{Detour: between, what: onlyABuild(found...)}
	}
	return started, err
}

func onlyABuild(programs ...*Program) string {
	return "no step compiles Go: only a build can tell whether " + listed(programs) + " is a Go program that can be debugged"
}

// CheckFree refuses an image that has a path which dlvgen adds.
func CheckFree(ctx context.Context, ev Evidence) error {
	for _, ours := range []string{layout.Delve, layout.Dir} {
		switch has, err := ev.has(ctx, ours); {
		case err != nil:
			return err
		case has:
			return refuse.Occupied(ours)
		}
	}
	return nil
}
