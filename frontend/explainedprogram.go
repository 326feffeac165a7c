package frontend

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shell"
	"github.com/dlvgen/dlvgen/llbgen"
)

// program finds out what the image starts and where that comes from, as
// [finder.find] does with the files at hand.
func (e *explainer) program(ctx context.Context) error {
	cfg := e.image.config.Config
	argv := slices.Concat(cfg.Entrypoint, cfg.Cmd)
	if e.request.Program != "" {
		argv = []string{e.request.Program}
	}
	if len(argv) == 0 || argv[0] == "" {
		e.out.Detour = "nothing (it has neither ENTRYPOINT nor CMD)"
		if !e.compiles() {
			return nil // which is the reason to refuse it
		}
		e.warn("the image starts nothing: it is the only program that the build compiles and the image has, or name it with --program")
		return nil
	}
	if done, err := e.atStart(ctx, argv); done || err != nil {
		return err
	}
	for {
		origin, at, err := e.originOf(ctx, argv[0])
		if err != nil {
			return err
		}
		if likelyDelve(at, origin.Origin) {
			e.out.Program, e.out.Origin = at, describe(origin.Origin)
			e.out.Refusal = startsDelve(&program{path: at}, cfg).Error()
			return nil
		}
		launcher, rest, ok := shell.Launched(argv)
		if !ok || origin.Likely && origin.Compiles != "" {
			return e.judge(ctx, argv, origin, at)
		}
		e.prefix, argv = append(slices.Clone(e.prefix), launcher...), rest
	}
}

// judge says what a command leads to.
func (e *explainer) judge(ctx context.Context, argv []string, from likeliest, at string) error {
	if len(from.others) > 0 {
		e.undecided(from, at)
		return nil
	}
	e.out.Program, e.out.Origin = at, describe(from.Origin)
	script := shell.Read(argv)
	switch {
	case script.Parsed && !from.Likely:
		e.out.Detour = "a shell, " + path.Base(argv[0])
		return e.among(ctx, script.Starting())
	case from.Compiles != "" && path.Ext(at) != ".sh":
		return nil
	case from.Readable():
		return e.copied(ctx, argv, from.Origin)
	case from.Step != "":
		e.out.Detour = at + ", which no step compiles"
		return e.among(ctx, []shell.Call{shell.CallOf(argv[1:])})
	case from.Source != "":
		e.out.Detour = fmt.Sprintf("%s, which comes from %s", at, describe(from.Origin))
		made, _, err := shell.Make(argv, func(name string) (string, error) { return e.text(ctx, name) })
		if err != nil {
			return err
		}
		return e.among(ctx, append(made, shell.CallOf(argv[1:])))
	}
	e.out.Refusal = fmt.Sprintf("the image starts %q (%s), and nothing in the Dockerfile makes such a file: production would not start either",
		argv[0], origin(e.image.config.Config))
	return nil
}

// undecided says between which files only a build can decide. Where steps make all of
// them, the program is the one that is copied.
func (e *explainer) undecided(from likeliest, at string) {
	names := []string{describe(from.Origin)}
	steps := true
	for _, o := range from.others {
		names = append(names, describe(o))
		steps = steps && o.Step != ""
	}
	if steps {
		e.out.Program = at
	}
	e.warn(fmt.Sprintf("%s is the last of the files that match %s: only a build can tell whether it comes from %s", at, from.Path, strings.Join(names, " or ")))
}

// copied looks at a file of the build context: a script, or a program that somebody
// compiled before.
func (e *explainer) copied(ctx context.Context, argv []string, origin llbgen.Origin) error {
	root, p, err := e.look(ctx, origin)
	if err != nil {
		return err
	}
	if p == nil {
		e.out.Refusal = fmt.Sprintf("%s is copied from %s, which is not there or which .dockerignore leaves out: compile it in the Dockerfile, or make it before the build",
			e.out.Program, describe(origin))
		return nil
	}
	p.path, p.args = e.out.Program, argv[1:]
	if err := p.read(ctx, root); err != nil {
		return err
	}
	if isScript(p) {
		calls, err := (finder{root: root}).scriptCalls(ctx, p)
		if err != nil {
			return err
		}
		e.out.Detour = "the script " + e.out.Program
		return e.among(ctx, append(calls, shell.CallOf(argv[1:])))
	}
	return e.readyMade(ctx, p, describe(origin))
}

// among looks for the program among the words of a script's calls or of a command line:
// the one that a step compiles. What calls start counts before what they are given.
func (e *explainer) among(ctx context.Context, calls []shell.Call) error {
	var started, words []string
	for _, c := range calls {
		started, words = append(started, c.Starts()), append(words, c.Words()...)
	}
	found, from, err := e.compiledOf(ctx, started)
	if err == nil && len(found) == 0 {
		found, from, err = e.compiledOf(ctx, words)
	}
	if err != nil {
		return err
	}
	if len(found) == 0 {
		if done, err := e.otherwiseStarted(ctx, calls, started); done || err != nil {
			return err
		}
	}
	if len(found) == 0 && !e.compiles() {
		if done, err := e.readyMadeOf(ctx, started); done || err != nil {
			return err
		}
	}
	switch len(found) {
	case 0:
		if e.compiles() {
			e.warn(fmt.Sprintf("the image starts %s: the program behind it is the only one that the build compiles and the image has, or name it with --program", e.out.Detour))
			e.out.Program, e.out.Origin = "", ""
		}
	case 1:
		e.out.Program, e.out.Origin = found[0], from[0]
	default:
		e.out.Program, e.out.Origin = "", ""
		e.warn(fmt.Sprintf("the image starts %s, which names %s: choose with --program PATH where both are in the image", e.out.Detour, strings.Join(found, ", ")))
	}
	return nil
}

// compiledOf are the programs that words name and steps compile, and what makes them:
// those that the Dockerfile names, or, where there are none, paths that copied folders
// may have.
func (e *explainer) compiledOf(ctx context.Context, words []string) (found, from []string, err error) {
	named := false
	for _, w := range words {
		if w == "" || strings.HasPrefix(w, "-") || strings.ContainsAny(w, " \n=*?[") || strings.HasSuffix(w, "/") {
			continue
		}
		origin, at, err := e.originOf(ctx, w)
		if err != nil {
			return nil, nil, err
		}
		if likelyDelve(at, origin.Origin) {
			continue
		}
		sure := origin.Named || strings.Contains(w, "/") && !named
		if origin.Compiles == "" || !origin.Likely || !sure || slices.Contains(found, at) {
			continue
		}
		if origin.Named && !named {
			named, found, from = true, nil, nil
		}
		found, from = append(found, at), append(from, describe(origin.Origin))
	}
	return found, from, nil
}

// readyMadeOf judges the first program among words that the build context has, or
// should have. It is false where there is none.
func (e *explainer) readyMadeOf(ctx context.Context, words []string) (bool, error) {
	for _, w := range words {
		if w == "" || strings.HasSuffix(w, ".sh") || strings.ContainsAny(w, "*?[") {
			continue
		}
		origin, at, err := e.originOf(ctx, w)
		if err != nil {
			return false, err
		}
		if !origin.Readable() || !origin.Named {
			continue
		}
		root, p, err := e.look(ctx, origin.Origin)
		if err == nil && p != nil {
			err = p.read(ctx, root)
		}
		if err != nil || p != nil && isScript(p) {
			return false, err
		}
		e.out.Program, e.out.Origin = at, describe(origin.Origin)
		return true, e.copied(ctx, []string{w}, origin.Origin)
	}
	return false, nil
}

// warn notes what only a build can tell.
func (e *explainer) warn(what string) { e.out.Warnings = append(e.out.Warnings, what) }
