package frontend

import (
	"context"
	"errors"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/variants"
)

// inspect tells whether the program can be debugged in the way that was asked for. One
// that cannot, and that no step compiled, is compiled again where that was asked for.
func (d *derivation) inspect(ctx context.Context) (err error) {
	if d.request.Variant.Kind == variants.KindSidecar {
		d.symbols, err = d.findSymbols(ctx)
		return err
	}
	cause := d.debuggable()
	switch {
	case cause == nil:
		return nil
	case len(d.captures) > 0:
		return changedAfterwards(d.program, d.image.Config.Config, d.captures, cause)
	case !d.request.Rebuild.On():
		_, tree, err := readContextTree(ctx, d.client)
		if err != nil {
			return err
		}
		return foundReadyMade(d.program, d.image.Config.Config, d.production.Name, len(d.made.Steps) > 0, cause, rebuildAdvice(d.program.facts.Info, tree))
	}
	if d.rebuilt, err = d.rebuild(ctx); err != nil {
		return err
	}
	d.program, d.captures = d.program.withFacts(d.rebuilt.program), d.rebuilt.captures
	if cause := d.debuggable(); cause != nil {
		return fmt.Errorf("%s, which was compiled again in %s, cannot be debugged: %w", d.program, d.rebuilt.record.Image, cause)
	}
	return nil
}

// debuggable says why the program cannot be debugged.
func (d *derivation) debuggable() error { return undebuggable(d.program, d.request) }

// undebuggable says why a program cannot be debugged in the way that was asked for.
func undebuggable(p *program, r variants.Request) error {
	err := p.facts.Debuggable()
	var optimized *gobin.OptimizedError
	if r.Optimize && errors.As(err, &optimized) {
		return nil
	}
	return err
}

// findSymbols finds the symbols of the production binary. Those of a ready-made one are
// known where it can be compiled again, byte for byte.
func (d *derivation) findSymbols(ctx context.Context) (*symbols, error) {
	if len(d.captures) > 0 || !d.request.Rebuild.On() {
		return symbolsOf(ctx, rootFS{d.made.ref}, d.program, d.captures)
	}
	again, err := d.rebuild(ctx)
	if err != nil {
		return nil, err
	}
	if is, was := again.program.facts.BuildID, d.program.facts.BuildID; is != was {
		return nil, fmt.Errorf("%s was compiled again in %s, and is not the same program byte for byte (build id %s, production's %s): its symbols would not be production's, so derive another variant",
			d.program, again.record.Image, is, was)
	}
	d.captures = again.captures
	return symbolsOf(ctx, rootFS{d.made.ref}, d.program, d.captures)
}
