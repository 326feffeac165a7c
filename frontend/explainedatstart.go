package frontend

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/shell"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
)

// atStart explains an image that starts with a compile. It is false for any other.
func (e *explainer) atStart(ctx context.Context, argv []string) (bool, error) {
	if e.request.Program != "" {
		return false, nil
	}
	cause, err := e.madeOf(ctx).atStart(nil, argv, atStartError{cfg: e.image.config.Config, request: e.request})
	if err != nil || cause == nil {
		return false, err
	}
	e.ahead(cause)
	return true, nil
}

// ahead explains such a compile, or refuses it.
func (e *explainer) ahead(cause *atStartError) {
	call, err := cause.run()
	if err != nil || !e.request.Rebuild.On() {
		e.out.Refusal = cause.Error()
		return
	}
	e.prefix = cause.prefix
	if v := env(cause.cfg.Env, "GOLANG_VERSION"); v != "" {
		e.out.Go = "go" + v
	}
	a := llbgen.Ahead{Flags: call.Flags, Packages: call.Packages, Go: e.out.Go}
	e.out.Rebuilt = &variants.Rebuilt{From: variants.RebuildContext, Image: inTheImage, Command: a.Command()}
	if strings.HasSuffix(call.Packages[0], ".go") {
		e.out.Program = path.Join(layout.Program, llbgen.RunName(call.Packages, ""))
		return
	}
	e.warn(fmt.Sprintf("the program is compiled to %s, under the name of its package: only a build can tell that", layout.Program))
}

// otherwiseStarted refuses a script that starts a debugger, or a compile.
func (e *explainer) otherwiseStarted(ctx context.Context, calls []shell.Call, started []string) (bool, error) {
	cfg := e.image.config.Config
	for _, w := range started {
		if path.Base(w) != delveName {
			continue
		}
		if o, at, err := e.originOf(ctx, w); err != nil || likelyDelve(at, o.Origin) {
			e.out.Refusal = startsDelve(&program{path: at}, cfg).Error()
			return true, err
		}
	}
	command, err := e.madeOf(ctx).among(calls)
	if err != nil || command == nil {
		return false, err
	}
	e.ahead(&atStartError{command: command, cfg: cfg, request: e.request})
	return true, nil
}

// madeOf is that of files as far as the Dockerfile tells.
func (e *explainer) madeOf(ctx context.Context) madeOf {
	return func(word string) (string, bool, error) {
		o, _, err := e.originOf(ctx, word)
		return describe(o.Origin), o.Compiles != "" && o.Likely, err
	}
}

// text is that of a file in the image's working folder, "" where the build context has
// none.
func (e *explainer) text(ctx context.Context, name string) (string, error) {
	o, _, err := e.originOf(ctx, "./"+name)
	if err != nil || !o.Readable() {
		return "", err
	}
	root, p, err := e.look(ctx, o.Origin)
	if err != nil || p == nil {
		return "", err
	}
	return readText(ctx, root, p.file, scriptSize)
}
