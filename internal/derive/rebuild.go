package derive

import (
	"context"
	"errors"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/derive/find"
	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/internal/derive/rebuild"
	"github.com/dlvgen/dlvgen/internal/derive/rootfs"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
)

// rebuilt is a program that was compiled again, with what the compile left.
type rebuilt struct {
	program  *find.Program
	state    llb.State
	captures []capture
	step     *llbgen.Step
	record   variants.Rebuilt
}

// readyMade is a program that no step compiles.
func (d *Deriver) readyMade(c client.Client, img production.Image, p *find.Program, comes func(context.Context) (string, error)) rebuild.ReadyMade {
	return rebuild.ReadyMade{Client: c, Request: d.request, Image: img, Source: d.production.Name, Published: d.production.Published, HostGo: d.hostGo, Program: p, Comes: comes}
}

// rebuild compiles the ready-made program again, in the way that the client's steps
// are compiled.
func (d *derivation) rebuild(ctx context.Context, plan *rebuild.Plan) (*rebuilt, error) {
	st, platform, output, err := plan.State(ctx)
	var unavailable *rebuild.UnavailableError
	if errors.As(err, &unavailable) && ctx.Err() == nil {
		inGit, gitErr := plan.InGit(ctx)
		if gitErr != nil {
			return nil, hintedAt(gitErr)
		}
		if inGit != nil {
			return d.rebuild(ctx, inGit)
		}
	}
	if err != nil {
		return nil, hintedAt(err)
	}
	again, err := d.compileAgain(ctx, st, platform, plan.Record.Image, output)
	if err != nil {
		return nil, fmt.Errorf("rebuilding %s from %s: %w", d.program, plan.Place(), err)
	}
	if err := plan.Compare(again.program); err != nil {
		return nil, err
	}
	again.record = plan.Record
	return again, d.warn(ctx, again)
}

// hintedAt adds to the failure of a step that gets sources what to do about it.
func hintedAt(err error) error {
	var unavailable *rebuild.UnavailableError
	if errors.As(err, &unavailable) && unavailable.Hint != "" {
		return &hintedError{cause: err, hint: unavailable.Hint}
	}
	return err
}

// compileAgain solves a definition that compiles the program, and finds it.
func (d *derivation) compileAgain(ctx context.Context, st llb.State, platform llb.ConstraintsOpt, base, output string) (*rebuilt, error) {
	def, err := st.Marshal(ctx, platform, llb.WithCaps(d.client.BuildOpts().LLBCaps))
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
	p, err := find.At(ctx, rootfs.FS{Ref: made.ref}, output)
	if err != nil {
		return nil, err
	}
	if p == nil || p.Facts == nil || len(made.Steps) == 0 {
		return nil, fmt.Errorf("the compile in %s left no Go program at %s", base, output)
	}
	op, err := llb.NewDefinitionOp(made.Definition)
	if err != nil {
		return nil, err
	}
	return &rebuilt{program: p, state: llb.NewState(op), captures: makers(captures, p.Facts), step: made.Steps[len(made.Steps)-1]}, nil
}

// warn shows what differs from production's program.
func (d *derivation) warn(ctx context.Context, again *rebuilt) error {
	caps := d.client.BuildOpts().Caps
	if caps.Supports(gwpb.CapGatewayWarnings) != nil {
		return nil // the plan has them
	}
	for _, w := range again.record.Warnings {
		if err := d.client.Warn(ctx, again.step.Vertex, fmt.Sprintf("%s was compiled again: %s", d.program, w), client.WarnOpts{Level: 1}); err != nil {
			return fmt.Errorf("warning: %w", err)
		}
	}
	return nil
}
