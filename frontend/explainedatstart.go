package frontend

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
)

// atStart explains an image that starts with a compile. It is false for any other.
func (e *explainer) atStart(ctx context.Context, argv []string) (bool, error) {
	if e.request.Program != "" {
		return false, nil
	}
	cause, err := e.madeOf(ctx).atStart(nil, argv, atStartError{cfg: e.image.Config.Config, request: e.request})
	if err != nil || cause == nil {
		return false, err
	}
	return true, e.ahead(cause)
}

// ahead explains such a compile, or refuses it.
func (e *explainer) ahead(cause *atStartError) error {
	call, err := cause.run()
	if err != nil || !e.request.Rebuild.On() {
		return &refusal{cause}
	}
	e.prefix = cause.prefix
	if v := llbgen.GoVersion(cause.cfg.Env); v != "" {
		e.out.Go = "go" + v
	}
	a := llbgen.Ahead{Flags: call.Flags, Packages: call.Packages, Go: e.out.Go}
	e.out.Rebuilt = &variants.Rebuilt{From: variants.RebuildContext, Image: inTheImage, Command: a.Command()}
	if strings.HasSuffix(call.Packages[0], ".go") {
		e.out.Program = path.Join(layout.Program, llbgen.RunName(call.Packages, ""))
		return nil
	}
	e.warn(fmt.Sprintf("the program is compiled to %s, under the name of its package: only a build can tell that", layout.Program))
	return nil
}

// otherwiseStarted refuses a script that starts a debugger, or a compile.
func (e *explainer) otherwiseStarted(ctx context.Context, commands [][]string, started []string) (bool, error) {
	cfg := e.image.Config.Config
	for _, w := range started {
		if path.Base(w) != delveName {
			continue
		}
		if o, at, err := e.originOf(ctx, w); err != nil {
			return true, err
		} else if likelyDelve(at, o.Origin) {
			return true, startsDelve(at, cfg)
		}
	}
	command, err := e.madeOf(ctx).among(commands)
	if err != nil || command == nil {
		return false, err
	}
	return true, e.ahead(&atStartError{command: command, cfg: cfg, request: e.request})
}

// madeOf is that of files as far as the Dockerfile tells.
func (e *explainer) madeOf(ctx context.Context) madeOf {
	return func(word string) (string, bool, error) {
		o, _, err := e.originOf(ctx, word)
		return describe(o.Origin), o.Compiles != "" && o.Likely, err
	}
}

// makeCommands are those that a call of make runs, where the build context has the
// makefile.
func (e *explainer) makeCommands(ctx context.Context, argv []string) ([][]string, error) {
	targets, ok := makeTargets(argv)
	if !ok {
		return nil, nil
	}
	for _, name := range makefiles {
		o, _, err := e.originOf(ctx, "./"+name)
		if err != nil {
			return nil, err
		}
		if !o.Readable() {
			continue
		}
		root, p, err := e.look(ctx, o.Origin)
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue
		}
		text, err := readText(ctx, root, p.file, scriptSize)
		return recipes(text, targets), err
	}
	return nil, nil
}
