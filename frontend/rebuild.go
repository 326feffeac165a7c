package frontend

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
)

// rebuilt is a program that was compiled again, with what the compile left.
type rebuilt struct {
	program  *program
	root     rootFS
	state    llb.State
	captures []capture
	step     *llbgen.Step
	record   variants.Rebuilt
}

// rebuild compiles the ready-made program again, in the way that the client's steps
// are compiled.
func (d *derivation) rebuild(ctx context.Context) (*rebuilt, error) {
	bc, tree, err := readContextTree(ctx, d.client)
	if err != nil {
		return nil, err
	}
	r, err := planRebuild(d.request.Rebuild, d.program, tree)
	if err != nil {
		return nil, err
	}
	base, err := d.rebuildBase(ctx, bc)
	if err != nil {
		return nil, err
	}
	r.Image, r.Platform, r.Run, r.record.Image = base.state, base.platform, stepOptions(bc), base.name
	var st llb.State
	var output string
	if r.from.kind == variants.RebuildContext {
		source, err := rebuildContext(ctx, bc)
		if err != nil {
			return nil, err
		}
		st, output = r.FromContext(source, r.from.dir)
	} else {
		if err := d.checkModule(ctx, r.Rebuild); err != nil {
			return nil, err
		}
		st, output = r.FromModule()
	}
	again, err := d.compileAgain(ctx, st, base, output)
	if err != nil {
		return nil, fmt.Errorf("rebuilding %s from %s: %w", d.program, r.from.place(r.Info), err)
	}
	again.record = r.record
	return again, d.compareRebuilt(ctx, again)
}

// compileAgain solves a definition that compiles the program, and finds it.
func (d *derivation) compileAgain(ctx context.Context, st llb.State, base rebuildBase, output string) (*rebuilt, error) {
	def, err := st.Marshal(ctx, llb.Platform(base.platform), llb.WithCaps(d.client.BuildOpts().LLBCaps))
	if err != nil {
		return nil, fmt.Errorf("marshalling the compile: %w", err)
	}
	made, err := d.client.build(ctx, client.SolveRequest{Definition: def.ToPB(), CacheImports: d.made.before.CacheImports})
	if err != nil {
		return nil, err
	}
	captures, err := capturesOf(ctx, d.client, made)
	if err != nil {
		return nil, err
	}
	root := rootFS{made.ref}
	p, err := (observed{root: root}).lookUp(ctx, output)
	if err != nil {
		return nil, err
	}
	if p == nil || p.facts == nil || len(made.Steps) == 0 {
		return nil, fmt.Errorf("the compile in %s left no Go program at %s", base.name, output)
	}
	op, err := llb.NewDefinitionOp(made.Definition)
	if err != nil {
		return nil, err
	}
	return &rebuilt{program: p, root: root, state: llb.NewState(op), captures: makers(captures, p.facts), step: made.Steps[len(made.Steps)-1]}, nil
}

// compareRebuilt refuses a program that could not start where production's did, and
// warns of what else differs.
func (d *derivation) compareRebuilt(ctx context.Context, again *rebuilt) error {
	before, after := d.program.facts, again.program.facts
	if before.Interpreter != after.Interpreter {
		return fmt.Errorf("%s was linked for %s, and compiled again in %s it is linked for %s: name an image with Go and the C library of production with --rebuild-image",
			d.program, loader(before.Interpreter), again.record.Image, loader(after.Interpreter))
	}
	warnings := &again.record.Warnings
	if before.GoVersion != after.GoVersion {
		*warnings = append(*warnings, fmt.Sprintf("production's was compiled with %s, and this one with %s", before.GoVersion, after.GoVersion))
	}
	if changed := changedModules(before.Info, after.Info); changed != "" {
		*warnings = append(*warnings, "its dependencies are not production's: "+changed)
	}
	caps := d.client.BuildOpts().Caps
	for _, w := range *warnings {
		if caps.Supports(gwpb.CapGatewayWarnings) != nil {
			break // the plan has them
		}
		if err := d.client.Warn(ctx, again.step.Vertex, fmt.Sprintf("%s was compiled again: %s", d.program, w), client.WarnOpts{Level: 1}); err != nil {
			return fmt.Errorf("warning: %w", err)
		}
	}
	return nil
}

// loader names a dynamic linker.
func loader(interpreter string) string {
	if interpreter == "" {
		return "no C library (static)"
	}
	return path.Base(interpreter)
}

// stepOptions are what the Dockerfile's own steps are run with.
func stepOptions(bc *dockerui.Client) []llb.RunOption {
	opts := []llb.RunOption{llb.Network(bc.NetworkMode)}
	for _, h := range bc.ExtraHosts {
		opts = append(opts, llb.AddExtraHost(h.Host, h.IP))
	}
	var proxy llb.ProxyEnv
	for name, field := range map[string]*string{
		"http_proxy": &proxy.HTTPProxy, "https_proxy": &proxy.HTTPSProxy, "ftp_proxy": &proxy.FTPProxy,
		"no_proxy": &proxy.NoProxy, "all_proxy": &proxy.AllProxy,
	} {
		for arg, value := range bc.BuildArgs {
			if strings.EqualFold(arg, name) {
				*field = value
			}
		}
	}
	if proxy != (llb.ProxyEnv{}) {
		opts = append(opts, llb.WithProxy(proxy))
	}
	if bc.IsNoCache("rebuild") {
		opts = append(opts, llb.IgnoreCache)
	}
	return opts
}
