package frontend

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shell"
	"github.com/dlvgen/dlvgen/variants"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// evidence is what is known of the files of an image: observed in what was built, or
// predicted from the definition and the build context, which an explainer does.
type evidence interface {
	// lookUp finds the file that a command's first word names, as a container runtime
	// would: a name without a slash along PATH, a relative one below WORKDIR. It is nil
	// where there is none.
	lookUp(ctx context.Context, word string) (*program, error)

	// absence says how it is known that there is none.
	absence() string

	// compiled tells whether a step of the build compiles the program.
	compiled(p *program) bool

	isDelve(p *program) bool

	// madeOf names what the program is made of: its package, or what it comes from.
	madeOf(p *program) string

	// text is the beginning of a file, "" where it is not known.
	text(ctx context.Context, p *program) (string, error)
}

// find is the program that was asked for, or what the image's command starts once known
// launchers are out of the way, be it a Go program or not; nil where that is nothing. It
// refuses an image that starts Delve, or compiles what it starts.
func find(ctx context.Context, ev evidence, cfg dockerspec.DockerOCIImageConfig, r variants.Request) (*program, error) {
	p, err := startedBy(ctx, ev, cfg)
	if err != nil && r.Program == "" {
		return p, err
	}
	delve, err := startedDelve(ctx, ev, p)
	switch {
	case err != nil:
		return nil, err
	case delve != nil:
		return delve, startsDelve(delve.path, cfg)
	case r.Program != "":
		return askedFor(ctx, ev, cfg, r.Program, p)
	case p == nil:
		return nil, nil
	}
	return p, atStart(ctx, ev, p, atStartError{cfg: cfg, request: r})
}

// startedBy is what the image's command starts.
func startedBy(ctx context.Context, ev evidence, cfg dockerspec.DockerOCIImageConfig) (*program, error) {
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
			return nil, noSuchFile(argv[0], cfg, ev.absence())
		}
		p.args, p.command.Prefix = argv[1:], prefix
		launcher, rest, ok := shell.Launched(argv)
		if !ok || ev.compiled(p) {
			return p, nil
		}
		prefix, argv = append(slices.Clone(prefix), launcher...), rest
	}
}

// startedDelve is Delve where the image starts it, itself or by a script that names it;
// nil where it does not.
func startedDelve(ctx context.Context, ev evidence, started *program) (*program, error) {
	if started == nil || ev.isDelve(started) {
		return started, nil
	}
	calls, err := scriptCalls(ctx, ev, started)
	if err != nil {
		return nil, err
	}
	for _, c := range calls {
		if i := slices.IndexFunc(c.Words(), func(w string) bool { return path.Base(w) == delveName }); i >= 0 {
			p, err := ev.lookUp(ctx, c.Words()[i])
			if err != nil || p == nil || !ev.isDelve(p) {
				return nil, err
			}
			return p, nil
		}
	}
	return nil, nil
}

// scriptCalls are the calls in the script that a command runs, the string of `sh -c`, a
// script file or a makefile in the working folder, that may start a program, and the
// command's arguments, which may be one as well.
func scriptCalls(ctx context.Context, ev evidence, started *program) ([]shell.Call, error) {
	if ev.compiled(started) {
		return nil, nil
	}
	argv := append([]string{started.path}, started.args...)
	if s := shell.Read(argv); s.Parsed {
		return s.Starting(), nil
	}
	arguments := shell.CallOf(started.args)
	calls, ok, err := shell.Make(argv, func(name string) (string, error) {
		p, err := ev.lookUp(ctx, "./"+name)
		if err != nil || p == nil {
			return "", err
		}
		return ev.text(ctx, p)
	})
	if ok || err != nil {
		return append(calls, arguments), err
	}
	text, err := ev.text(ctx, started)
	if err != nil || !strings.HasPrefix(text, "#!") {
		return []shell.Call{arguments}, err
	}
	return append(shell.ReadText(text).Starting(), arguments), nil
}

// namedBy are the files of a kind that a command names, or the script that it runs: those
// that are started, or, where there are none, any among the words.
func namedBy(ctx context.Context, ev evidence, started *program, is func(word string, p *program) bool) ([]*program, error) {
	calls, err := scriptCalls(ctx, ev, started)
	if err != nil {
		return nil, err
	}
	var starts, all []string
	for _, c := range calls {
		starts, all = append(starts, c.Starts()), append(all, c.Words()...)
	}
	var found []*program
	for _, words := range [][]string{starts, all} {
		for _, w := range scriptNames(words) {
			p, err := ev.lookUp(ctx, w)
			if err != nil {
				return nil, err
			}
			if p != nil && is(w, p) && !slices.ContainsFunc(found, func(f *program) bool { return f.file == p.file }) {
				found = append(found, p)
			}
		}
		if len(found) > 0 {
			break
		}
	}
	return found, nil
}

// scriptNames are the words of a script that may name programs, each once. Known launchers
// are left out.
func scriptNames(words []string) []string {
	var names []string
	for _, w := range words {
		if shell.IsLauncher(w) || w == "" || strings.HasPrefix(w, "-") || strings.HasSuffix(w, "/") || strings.ContainsAny(w, " \n=*?[") {
			continue
		}
		if !slices.Contains(names, w) {
			names = append(names, w)
		}
	}
	return names
}

// askedFor is the program of that path, started by the image's command or by
// whatever that starts.
func askedFor(ctx context.Context, ev evidence, cfg dockerspec.DockerOCIImageConfig, asked string, started *program) (*program, error) {
	p, err := ev.lookUp(ctx, asked)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, refuse("--program is %q, and there is no such file in the image", asked)
	}
	if started != nil && started.file == p.file {
		return started, nil
	}
	p.command.Detour = detour(started, cfg)
	return p, nil
}
