package doctor

import (
	"context"
	"errors"

	"github.com/dlvgen/dlvgen/internal/registry"
)

// registryChecks ask each registry for a tag, or say that none was named.
func (d *Doctor) registryChecks() []check {
	const name = "registry"
	var checks []check
	for _, ref := range d.Tags {
		checks = append(checks, check{name, func(ctx context.Context) finding { return d.checkRegistry(ctx, ref) }})
	}
	switch {
	case d.Target != "":
		checks = append(checks, check{name, d.checkItsRegistry})
	case len(checks) == 0:
		checks = append(checks, check{name, func(context.Context) finding {
			return skipped("no registry was named: name images with -t to check the login")
		}})
	}
	return checks
}

// checkItsRegistry asks the registry that the target's image is from. Where Docker Engine has the
// image, it need not answer.
func (d *Doctor) checkItsRegistry(ctx context.Context) finding {
	t, err := d.target(ctx)
	if err != nil {
		return noTarget()
	}
	for _, one := range t.production.Digests {
		ref, _, err := registry.ParseImage(one)
		if err != nil {
			continue
		}
		for _, tag := range t.production.Tags {
			if tag.Other(ref) == "" {
				ref = tag
				break
			}
		}
		if ref.Tag() == "" {
			ref, err = ref.WithTag("latest")
			if err != nil {
				continue
			}
		}
		f := d.checkRegistry(ctx, ref)
		if f.Status == Failed && (t.engine != nil || t.pod != nil) { // whose node may reach it
			f.Status = Warning
		}
		return f
	}
	if t.pod != nil {
		return skipped("%s", t.notPulled())
	}
	return skipped("no registry has %s: Docker Engine has it alone", t.production.Name)
}

func (d *Doctor) checkRegistry(ctx context.Context, ref registry.Reference) finding {
	access, err := d.reg.Access(ctx, ref)
	if err != nil {
		var known *registry.Error
		if errors.As(err, &known) {
			return failed(known.Advice, "%s: registry %s %s", known.Op, known.Host, known.Found)
		}
		return failed("", "%s", err)
	}
	how, has := "without an account", "is there"
	if access.Account {
		how = "with an account"
	}
	if !access.Exists {
		has = "is not there yet"
	}
	f := found("registry %s lets %s be read %s: the tag %s", ref.Host(), ref.Familiar(), how, has)
	if !access.Account {
		f = withDetails(f, "To push, an account may be needed: `docker login "+ref.Host()+"`")
	}
	return f
}
