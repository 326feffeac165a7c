package derive

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/derive/find"
	"github.com/dlvgen/dlvgen/internal/derive/rebuild"
	"github.com/dlvgen/dlvgen/internal/derive/refuse"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// inTheImage says of a rebuild that it is made in the production image itself.
const inTheImage = "the image itself"

// ahead compiles what the image would compile when it starts, in the image, and plans a
// variant that starts that.
func (d *derivation) ahead(ctx context.Context, cause *find.AtStartError) (*variants.Plan, error) {
	call, err := cause.Run()
	if err != nil {
		return nil, cause
	}
	bc, err := dockerui.NewClient(d.client)
	if err != nil {
		return nil, err
	}
	op, err := llb.NewDefinitionOp(d.made.before.Definition)
	if err != nil {
		return nil, fmt.Errorf("reading the definition: %w", err)
	}
	cfg := d.image.Config.Config
	goCommand, err := find.LookUp(ctx, d.observed(), cause.Command[0])
	if err != nil {
		return nil, err
	}
	a := llbgen.Ahead{
		Flags: call.Flags, Packages: call.Packages, Go: versionOf(goCommand),
		Image: llb.NewState(op), Env: cfg.Env, Dir: cfg.WorkingDir, User: cfg.User, Run: rebuild.StepOptions(bc),
	}
	st, output := a.State()
	again, err := d.compileAgain(ctx, st, llb.Platform(platforms.Normalize(d.image.Platform)), inTheImage, output)
	if err != nil {
		return nil, fmt.Errorf("compiling what the image compiles when it starts (%s): %w", refuse.Instruction(cause.Config), err)
	}
	again.record = variants.Rebuilt{From: variants.RebuildContext, Image: inTheImage, Command: a.Command()}
	at := path.Join(layout.Program, llbgen.RunName(call.Packages, again.program.Facts.Info.Path))
	d.rebuilt, d.captures = again, again.captures
	d.program = &find.Program{
		Path: at, File: at, Args: call.Args, Facts: again.program.Facts,
		Stat:    &fstypes.Stat{Mode: uint32(fs.FileMode(0o755))},
		Command: variants.Command{Prefix: cause.Prefix},
	}
	if cause := d.program.Debuggable(d.request); cause != nil {
		return nil, fmt.Errorf("%s, which was compiled in %s, cannot be debugged: %w", at, inTheImage, cause)
	}
	return d.plan(ctx)
}

// versionOf is the version of Go that a program was compiled with, "" where that is not
// known.
func versionOf(p *find.Program) string {
	if p == nil || p.Facts == nil {
		return ""
	}
	return p.Facts.GoVersion
}

// ahead explains the compile ahead of the start, or refuses it.
func (e *explainer) ahead(cause *find.AtStartError) error {
	call, err := cause.Run()
	if err != nil || !e.request.Rebuild.On() {
		return &refuse.Error{Cause: cause}
	}
	e.prefix = cause.Prefix
	if v := llbgen.GoVersion(cause.Config.Env); v != "" {
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
