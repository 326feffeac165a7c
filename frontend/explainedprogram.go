package frontend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/moby/buildkit/frontend/gateway/client"
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
		e.warn("the image starts nothing: it is the only program that the build compiles and the image has, or name it with --program")
		return nil
	}
	for {
		origin, at, err := e.originOf(ctx, argv[0])
		if err != nil {
			return err
		}
		if likelyDelve(at, origin) {
			e.out.Program, e.out.Origin = at, describe(origin)
			e.out.Refusal = startsDelve(&program{path: at}, cfg).Error()
			return nil
		}
		launcher, rest, ok := behind(argv)
		if !ok || origin.Likely && origin.Compiles != "" {
			return e.judge(ctx, argv, origin, at)
		}
		e.prefix, argv = append(slices.Clone(e.prefix), launcher...), rest
	}
}

// originOf is where the file comes from that a command's first word names, and its
// path: of several along PATH the first that the Dockerfile names, else the first that
// it may put something at. It is the word itself for a file of the base image, whose
// folder is not known.
func (e *explainer) originOf(ctx context.Context, word string) (llbgen.Origin, string, error) {
	var best llbgen.Origin
	at, paths := word, candidatePaths(word, e.image.config.Config)
	if len(paths) == 1 {
		at = paths[0]
	}
	for i, p := range paths {
		origins, err := llbgen.Origins(e.definition, p)
		if err != nil {
			return best, p, err
		}
		o, err := e.existing(ctx, origins)
		if err != nil || o.Named {
			return o, p, err
		}
		if i == 0 || o.Likely && !best.Likely {
			best = o
			if o.Likely && !o.FromImage() {
				at = p
			}
		}
	}
	return best, at, nil
}

// existing is the first origin that has the file, as far as that can be looked up.
// Where none has it, it is the one that would. A script that is in the context is no
// step's work.
func (e *explainer) existing(ctx context.Context, origins []llbgen.Origin) (llbgen.Origin, error) {
	var missing, made, broken llbgen.Origin
	for _, o := range origins {
		if !o.Readable() {
			if made.Path == "" && !missing.Alone {
				made = o
			}
			continue
		}
		root, p, err := e.look(ctx, o)
		switch {
		case err != nil:
			return o, err
		case p == nil && root.ref == nil:
			broken, _ = o.Archive()
			broken.Alone, broken.Likely = true, true
		case p == nil && missing.Path == "":
			missing = o
		case p != nil && made.Path == "":
			return o, nil
		case p != nil:
			if err := p.read(ctx, root); err != nil || isScript(p) {
				return o, err
			}
		}
	}
	switch {
	case broken.Path != "" && (made.FromImage() || made.Path == "") && !missing.Named:
		return broken, nil
	case made.Path != "":
		return made, nil
	}
	return missing, nil
}

// isScript tells whether a file that was read is a script.
func isScript(p *program) bool {
	var format *gobin.FormatError
	return errors.As(p.unread, &format) && format.Kind == gobin.KindScript
}

// look finds the file of an origin that can be read. It is nil where there is none,
// and so is the file system where what an ADD takes is not there.
func (e *explainer) look(ctx context.Context, o llbgen.Origin) (rootFS, *program, error) {
	if archive, ok := o.Archive(); ok {
		_, st, err := e.stat(ctx, archive)
		if err != nil || st == nil {
			return rootFS{}, nil, err
		}
	}
	root, st, err := e.stat(ctx, o)
	if err != nil || st == nil || !fs.FileMode(st.stat.Mode).IsRegular() {
		return root, nil, err
	}
	return root, st, nil
}

// stat finds a file or folder. It is nil where there is none.
func (e *explainer) stat(ctx context.Context, o llbgen.Origin) (rootFS, *program, error) {
	def, err := o.Definition()
	if err != nil {
		return rootFS{}, nil, err
	}
	key := fmt.Sprintf("%x", def.Def[len(def.Def)-1])
	root, ok := e.contexts[key]
	if !ok {
		res, err := e.client.Client.Solve(ctx, client.SolveRequest{Definition: def})
		if err != nil {
			return root, nil, err
		}
		ref, err := res.SingleRef()
		if err != nil || ref == nil {
			return root, nil, err
		}
		root = rootFS{ref}
		if e.contexts == nil {
			e.contexts = map[string]rootFS{}
		}
		e.contexts[key] = root
	}
	file, st, err := root.resolve(ctx, o.Path)
	if err != nil || st == nil {
		return root, nil, err
	}
	return root, &program{path: o.Path, file: file, stat: st}, nil
}

// judge says what a command leads to.
func (e *explainer) judge(ctx context.Context, argv []string, from llbgen.Origin, at string) error {
	e.out.Program, e.out.Origin = at, describe(from)
	commands, shell := llbgen.ShellCommands(argv)
	switch {
	case shell && !from.Likely:
		e.out.Detour = "a shell, " + path.Base(argv[0])
		return e.among(ctx, commands)
	case from.Compiles != "" && path.Ext(at) != ".sh":
		return nil
	case from.Readable():
		return e.copied(ctx, argv, from)
	case from.Step != "":
		e.out.Detour = at + ", which no step compiles"
		return e.among(ctx, [][]string{argv[1:]})
	case from.Source != "":
		e.out.Detour = fmt.Sprintf("%s, which comes from %s", at, describe(from))
		return e.among(ctx, [][]string{argv[1:]})
	}
	e.out.Refusal = fmt.Sprintf("the image starts %q (%s), and nothing in the Dockerfile makes such a file: production would not start either",
		argv[0], origin(e.image.config.Config))
	return nil
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
		commands, err := (finder{root: root}).scriptCommands(ctx, p)
		if err != nil {
			return err
		}
		e.out.Detour = "the script " + e.out.Program
		return e.among(ctx, append(commands, argv[1:]))
	}
	return e.readyMade(ctx, p, describe(origin))
}

// among looks for the program among the words of a script's commands or of a command
// line: the one that a step compiles. What commands start counts before what they are
// given.
func (e *explainer) among(ctx context.Context, commands [][]string) error {
	var started []string
	for _, c := range commands {
		for len(c) > 0 {
			_, rest, ok := behind(c)
			if !ok {
				break
			}
			c = rest
		}
		started = append(started, starts(c))
	}
	found, from, err := e.compiledOf(ctx, started)
	if err == nil && len(found) == 0 {
		found, from, err = e.compiledOf(ctx, slices.Concat(commands...))
	}
	if err != nil {
		return err
	}
	if len(found) == 0 && !e.compiles() {
		if done, err := e.readyMadeOf(ctx, started); done || err != nil {
			return err
		}
	}
	switch len(found) {
	case 0:
		e.warn(fmt.Sprintf("the image starts %s: the program behind it is the only one that the build compiles and the image has, or name it with --program", e.out.Detour))
		if e.compiles() {
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

// starts is the word of a command that names what it starts, also where that is kept
// for later: set -- NAME.
func starts(command []string) string {
	for i, w := range command {
		if w != "exec" && w != "command" && w != "set" && (i == 0 || !strings.HasPrefix(w, "-")) {
			return w
		}
	}
	return ""
}

// compiledOf are the programs that words name and steps compile, and what makes them:
// those that the Dockerfile names, or, where there are none, paths that copied folders
// may have.
func (e *explainer) compiledOf(ctx context.Context, words []string) (found, from []string, err error) {
	named := false
	for _, w := range words {
		if w == "" || strings.HasPrefix(w, "-") || strings.ContainsAny(w, " \n=") || strings.HasSuffix(w, "/") {
			continue
		}
		origin, at, err := e.originOf(ctx, w)
		if err != nil {
			return nil, nil, err
		}
		sure := origin.Named || strings.Contains(w, "/") && !named
		if origin.Compiles == "" || !origin.Likely || !sure || slices.Contains(found, at) {
			continue
		}
		if origin.Named && !named {
			named, found, from = true, nil, nil
		}
		found, from = append(found, at), append(from, describe(origin))
	}
	return found, from, nil
}

// readyMadeOf judges the first program among words that the build context has, or
// should have. It is false where there is none.
func (e *explainer) readyMadeOf(ctx context.Context, words []string) (bool, error) {
	for _, w := range words {
		if w == "" || strings.HasSuffix(w, ".sh") {
			continue
		}
		origin, at, err := e.originOf(ctx, w)
		if err != nil {
			return false, err
		}
		if !origin.Readable() || !origin.Named {
			continue
		}
		root, p, err := e.look(ctx, origin)
		if err == nil && p != nil {
			err = p.read(ctx, root)
		}
		if err != nil || p != nil && isScript(p) {
			return false, err
		}
		e.out.Program, e.out.Origin = at, describe(origin)
		return true, e.copied(ctx, []string{w}, origin)
	}
	return false, nil
}

// warn notes what only a build can tell.
func (e *explainer) warn(what string) { e.out.Warnings = append(e.out.Warnings, what) }

// describe names an origin for users.
func describe(o llbgen.Origin) string {
	switch name, local := strings.CutPrefix(o.Source, "local://"); {
	case o.Step != "":
		return o.Step
	case local && name == "context":
		return "the build context, " + o.Path
	case local:
		return "the named context " + strings.TrimPrefix(name, "context:") + ", " + o.Path
	case o.Source == "" && o.Readable():
		return "the Dockerfile itself"
	}
	return strings.TrimPrefix(o.Source, "docker-image://")
}
