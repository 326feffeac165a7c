package derive

import (
	"context"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/derive/find"
	"github.com/dlvgen/dlvgen/internal/derive/rebuild"
	"github.com/dlvgen/dlvgen/internal/derive/refuse"
	"github.com/dlvgen/dlvgen/variants"
)

// inspect tells whether the program can be debugged in the way that was asked for. One
// that cannot, and that no step compiled, is compiled again where that was asked for.
func (d *derivation) inspect(ctx context.Context) error {
	sidecar := d.request.Variant.Kind == variants.KindSidecar
	if len(d.captures) > 0 && !sidecar {
		if cause := d.program.Debuggable(d.request); cause != nil {
			return refuse.ChangedAfterwards(d.program.Role(d.image.Config.Config), d.captures[0].step.Name, !d.program.Facts.DWARF && linksShared(d.captures), cause)
		}
		return nil
	}
	if len(d.captures) == 0 {
		plan, err := d.readyMade(d.client, d.image, d.program, d.comes).Decide(ctx)
		if err != nil || plan == nil {
			return hintedAt(err)
		}
		again, err := d.rebuild(ctx, plan)
		if err != nil {
			return err
		}
		if !sidecar {
			return d.use(again)
		}
		if err := sameBuild(d.program, again); err != nil {
			return err
		}
		d.captures = again.captures
	}
	var err error
	d.symbols, err = symbolsOf(ctx, d.program, d.captures)
	return err
}

// comes says how a ready-made program comes into the image.
func (d *derivation) comes(ctx context.Context) (string, error) {
	ahead, err := d.predicted(d.image, d.made)
	if err != nil {
		return "", err
	}
	from, err := ahead.Copied(ctx, d.program.Path)
	switch {
	case err != nil:
		return "", err
	case from != "":
		return rebuild.Copied(from), nil
	case len(d.made.Steps) > 0:
		return "no step of " + d.production.Name + " compiled it: it was copied in as a finished binary, or compiled by a go command that dlvgen did not see", nil
	}
	return "it was copied in as a finished binary", nil
}

// use has a program that was compiled again stand in the place of production's.
func (d *derivation) use(again *rebuilt) error {
	d.rebuilt, d.captures, d.program = again, again.captures, d.program.WithFacts(again.program)
	if cause := d.program.Debuggable(d.request); cause != nil {
		return fmt.Errorf("%s, which was compiled again in %s, cannot be debugged: %w", d.program, again.record.Image, cause)
	}
	return nil
}

// sameBuild refuses the symbols of a program that is not production's, byte for byte.
func sameBuild(p *find.Program, again *rebuilt) error {
	if is, was := again.program.Facts.BuildID, p.Facts.BuildID; is != was {
		return fmt.Errorf("%s was compiled again in %s, and is not the same program byte for byte (build id %s, production's %s): its symbols would not be production's, so derive another variant",
			p, again.record.Image, is, was)
	}
	return nil
}
