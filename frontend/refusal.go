package frontend

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/internal/shim/record"
	"github.com/moby/buildkit/frontend/dockerui"
)

// notGo says that what the image starts is no Go program, and that none that this
// build compiled is in the image either.
func notGo(p *program, img production.Image, compiles bool) error {
	why := "the build compiles no Go program: compile it in the Dockerfile, or derive the Dockerfile target that has one"
	if compiles {
		why = "no program that this build compiled is in the image"
	}
	return fmt.Errorf("%s, which the image starts (%s), cannot be debugged: %w; %s", p, origin(img.Config.Config), p.unread, why)
}

// changedAfterwards says of a program that a step compiled for debugging, that it is no
// longer what the step made.
func changedAfterwards(p *program, img production.Image, captures []capture, cause error) error {
	where := "it was compiled for debugging by %q, and changed afterwards: look for strip, objcopy or upx in a later step"
	if !p.facts.DWARF && linksShared(captures) {
		where = "%q links it with -linkshared, for which the go command switches debug information off: derive from a build without that flag"
	}
	return fmt.Errorf("%s, which the image starts (%s), cannot be debugged: %w; "+where, p, origin(img.Config.Config), cause, captures[0].step.Name)
}

// readyMade says of a program that no step compiled what it is and what to do.
func (d *derivation) readyMade(ctx context.Context, cause error) error {
	bc, err := dockerui.NewClient(d.client)
	if err != nil {
		return err
	}
	tree, err := readContextTree(ctx, bc, d.client)
	if err != nil {
		return err
	}
	where := "it was copied in ready-made"
	if len(d.made.Steps) > 0 {
		where = "no step of the Dockerfile compiled it: it was copied in ready-made, or compiled by a go command that dlvgen did not see"
	}
	return fmt.Errorf("%s, which the image starts (%s), cannot be debugged: %w; %s (%s): %s",
		d.program, origin(d.image.Config.Config), cause, where, d.program.what(), rebuildAdvice(d.program.facts.Info, tree))
}

// linksShared tells whether any call that compiled the program linked it to shared
// libraries of packages (forcedLdflags in cmd/go/internal/work/init.go).
func linksShared(captures []capture) bool {
	return slices.ContainsFunc(captures, func(c capture) bool {
		return slices.ContainsFunc(c.manifests, func(m record.Manifest) bool {
			return slices.Contains(append(strings.Fields(m.GoflagsBefore), m.ArgsBefore...), "-linkshared")
		})
	})
}
