package frontend

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shell"
)

// program finds out what the image starts and where that comes from.
func (e *explainer) program(ctx context.Context) error {
	cfg := e.image.Config.Config
	p, err := find(ctx, e, cfg, e.request)
	if p != nil {
		e.out.Program, e.out.Origin, e.out.Detour, e.prefix = p.path, describe(p.from.Origin), p.command.Detour, p.command.Prefix
	}
	var cause *atStartError
	switch {
	case errors.As(err, &cause):
		e.out.Program, e.out.Origin = "", ""
		return e.ahead(cause)
	case err != nil:
		return err
	case p == nil:
		e.out.Detour = detour(nil, cfg)
		return nil
	}
	return e.judge(ctx, p)
}

// lookUp implements [evidence].
func (e *explainer) lookUp(ctx context.Context, word string) (*program, error) {
	o, at, err := e.originOf(ctx, word)
	if err != nil || o.Step == "" && o.Source == "" && !o.Readable() {
		return nil, err
	}
	return &program{path: at, file: at, from: o}, nil
}

func (e *explainer) absence() string {
	return "nothing in " + e.production.Name + " makes such a file"
}

func (e *explainer) compiled(p *program) bool {
	return p.from.Likely && p.from.Compiles != "" && path.Ext(p.path) != ".sh"
}

func (e *explainer) isDelve(p *program) bool { return likelyDelve(p.path, p.from.Origin) }

func (e *explainer) madeOf(p *program) string { return describe(p.from.Origin) }

// text implements [evidence]: of what the build context has, or the Dockerfile itself.
func (e *explainer) text(ctx context.Context, p *program) (string, error) {
	if !p.from.Readable() {
		return "", nil
	}
	root, file, err := e.look(ctx, p.from.Origin)
	if err != nil || file == nil {
		return "", err
	}
	return readText(ctx, root, file.file, scriptSize)
}

// judge says what a command leads to.
func (e *explainer) judge(ctx context.Context, p *program) error {
	from := p.from
	if len(from.others) > 0 {
		e.out.Program, e.out.Origin = "", ""
		e.undecided(from, p.path)
		return nil
	}
	switch {
	case shell.Read(append([]string{p.path}, p.args...)).Parsed && !e.compiled(p):
		e.out.Detour = "a shell, " + path.Base(p.path)
		return e.among(ctx, p)
	case from.Compiles != "" && path.Ext(p.path) != ".sh":
		return nil
	case from.Readable():
		return e.copied(ctx, p)
	case from.Step != "":
		e.out.Detour = p.path + ", which no step compiles"
	default:
		e.out.Detour = fmt.Sprintf("%s, which comes from %s", p.path, e.out.Origin)
	}
	return e.among(ctx, p)
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
func (e *explainer) copied(ctx context.Context, from *program) error {
	_, p, err := e.read(ctx, from)
	switch {
	case err != nil:
		return err
	case p == nil:
		return notCopied(e.out.Program, describe(from.from.Origin))
	case isScript(p):
		e.out.Detour = "the script " + e.out.Program
		return e.among(ctx, from)
	}
	return e.judgeReadyMade(ctx, p, describe(from.from.Origin))
}

// read reads a file of the build context, which is nil where it is not there.
func (e *explainer) read(ctx context.Context, from *program) (rootFS, *program, error) {
	root, p, err := e.look(ctx, from.from.Origin)
	if err != nil || p == nil {
		return root, nil, err
	}
	p.path, p.args = from.path, from.args
	return root, p, p.read(ctx, root)
}

// among looks for the program behind what the command starts: the one that is named and
// that a step compiles.
func (e *explainer) among(ctx context.Context, started *program) error {
	found, err := e.compiledBy(ctx, started)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		calls, err := scriptCalls(ctx, e, started)
		if err != nil {
			return err
		}
		if command, err := compileAmong(ctx, e, calls); err != nil {
			return err
		} else if command != nil {
			return e.ahead(&atStartError{command: command, cfg: e.image.Config.Config, request: e.request})
		}
		if !e.compiles() {
			if done, err := e.namedReadyMade(ctx, calls); done || err != nil {
				return err
			}
		}
	}
	switch len(found) {
	case 0:
		if e.compiles() {
			e.warn(fmt.Sprintf("the image starts %s: it starts the only compiled program in the image, or the one named with --program", e.out.Detour))
			e.out.Program, e.out.Origin = "", ""
		}
	case 1:
		e.out.Program, e.out.Origin = found[0].path, describe(found[0].from.Origin)
	default:
		e.out.Program, e.out.Origin = "", ""
		e.warn(fmt.Sprintf("the image starts %s, which names %s: choose with --program PATH where both are in the image", e.out.Detour, listed(found)))
	}
	return nil
}

// compiledBy are the programs that a command or its script names and steps compile: those
// that the Dockerfile names, or, where there are none, paths that copied folders may have.
func (e *explainer) compiledBy(ctx context.Context, started *program) ([]*program, error) {
	found, err := namedBy(ctx, e, started, func(word string, p *program) bool {
		return e.compiled(p) && !e.isDelve(p) && (p.from.Named || strings.Contains(word, "/"))
	})
	if slices.ContainsFunc(found, func(p *program) bool { return p.from.Named }) {
		found = slices.DeleteFunc(found, func(p *program) bool { return !p.from.Named })
	}
	return found, err
}

// namedReadyMade judges the first program that calls start and the build context has, or
// should have. It is false where there is none.
func (e *explainer) namedReadyMade(ctx context.Context, calls []shell.Call) (bool, error) {
	for _, c := range calls {
		w := c.Starts()
		if w == "" || strings.HasSuffix(w, ".sh") || strings.ContainsAny(w, "*?[") {
			continue
		}
		named, err := e.lookUp(ctx, w)
		if err != nil {
			return false, err
		}
		if named == nil || !named.from.Readable() || !named.from.Named {
			continue
		}
		_, p, err := e.read(ctx, named)
		if err != nil || p != nil && isScript(p) {
			return false, err
		}
		e.out.Program, e.out.Origin = named.path, describe(named.from.Origin)
		return true, e.copied(ctx, named)
	}
	return false, nil
}

// warn notes what only a build can tell.
func (e *explainer) warn(what string) { e.out.Warnings = append(e.out.Warnings, what) }
