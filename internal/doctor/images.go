package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/internal/session"
	"github.com/dlvgen/dlvgen/variants"
)

// debugImages are those that belong to a target.
type debugImages struct {
	found []session.Image // by kind, sidecar first

	// missing says which kinds there are not; notes are for people.
	missing []*session.NoImageError
	notes   []string
}

func (d *Doctor) images(ctx context.Context) (*debugImages, error) {
	return d.imagesFact.get(ctx, func(ctx context.Context) (*debugImages, error) {
		t, err := d.target(ctx)
		if err != nil {
			return nil, err
		}
		var e *docker.Engine
		switch {
		case t.pod != nil && !t.pod.Pulled():
			return nil, errors.New(t.notPulled())
		case t.pod == nil:
			if e, err = d.engine(ctx); err != nil {
				return nil, err
			}
		}
		all := &debugImages{}
		f := d.finder(e, func(note string) { all.notes = append(all.notes, note) })
		for _, kind := range []variants.Kind{variants.KindSidecar, variants.KindRemote} {
			img, err := f.Find(ctx, t.production, kind)
			var none *session.NoImageError
			switch {
			case errors.As(err, &none):
				all.missing = append(all.missing, none)
			case err != nil:
				return nil, err
			default:
				all.found = append(all.found, img)
			}
		}
		return all, nil
	})
}

// checkImages lists the debug images of a production image.
func (d *Doctor) checkImages(ctx context.Context) finding {
	t, err := d.target(ctx)
	if err != nil {
		return noTarget()
	}
	if labels := t.labels(); labels.Kind != "" {
		of := "it does not say of which image"
		if labels.Reference != "" {
			of = "of " + labels.Reference
		}
		return found("%s is a debug image itself, %s", t.production.Name, of)
	}
	all, err := d.images(ctx)
	if err != nil {
		return skipped("they could not be looked up: %s", err)
	}
	var lines []string
	for _, img := range all.found {
		lines = append(lines, fmt.Sprintf("%s: %s (%s)", img.Labels.Kind, img.Ref, img.Why))
	}
	for _, none := range all.missing {
		lines = append(lines, none.Error())
		if none.Unread != nil {
			lines = append(lines, "the registry could not be asked: "+line(none.Unread.Error()))
		}
	}
	lines = append(lines, all.notes...)
	switch {
	case len(all.found) == 0 && all.missing[0].Unread != nil && t.pod != nil:
		return withDetails(skipped("those of %s could not be looked up", t.production), lines...)
	case len(all.found) == 0:
		return withDetails(warning("build them: `dlvgen build -t IMAGE --variant sidecar,remote`, or use `dlvgen debug --build` or `--derive`", "%s has no debug image", t.production), lines...)
	case len(all.missing) > 0 && all.missing[0].Kind == variants.KindSidecar && t.container != nil:
		return withDetails(warning("build it with --variant sidecar, or run the remote variant with `dlvgen debug "+t.name+" --replace`",
			"%s has a remote image and no sidecar, with which %s could be debugged as it runs", t.production, t.name), lines...)
	}
	return withDetails(found("debug images of %s are found: %d of the kinds", t.production, len(all.found)), lines...)
}

// symbols are what was found out of the debug information for a program.
type symbols struct {
	image session.Image
	plan  *variants.Plan
	files files

	// differ says why they are of another program, nil for the right ones.
	differ error
}

// symbols compares the symbols of a production image's sidecar with the program.
func (d *Doctor) symbols(ctx context.Context) (*symbols, error) {
	return d.symbolsFact.get(ctx, func(ctx context.Context) (*symbols, error) {
		p, err := d.program(ctx)
		if err != nil {
			return nil, err
		}
		all, err := d.images(ctx)
		if err != nil {
			return nil, err
		}
		if len(all.found) == 0 || all.found[0].Labels.Kind != variants.KindSidecar {
			return nil, errors.New("there is no sidecar")
		}
		s := &symbols{image: all.found[0]}
		if s.files, s.plan, err = d.open(ctx, s.image); err != nil {
			return nil, fmt.Errorf("reading %s: %w", s.image.Ref, err)
		}
		if s.plan.Symbols == nil {
			return nil, fmt.Errorf("the plan of %s names no symbols", s.image.Ref)
		}
		f, err := os.Open(p.file)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		sections, err := gobin.Sections(f)
		if err != nil {
			return nil, err
		}
		s.differ = gobin.Compare(s.plan.Symbols.Sections, sections)
		return s, nil
	})
}

// open reads the plan of a debug image, of Docker Engine or of a registry.
func (d *Doctor) open(ctx context.Context, img session.Image) (files, *variants.Plan, error) {
	if img.Local {
		e, err := d.engine(ctx)
		if err != nil {
			return nil, nil, err
		}
		from, err := d.ofImage(ctx, e, img.Ref)
		if err != nil {
			return nil, nil, err
		}
		plan, err := planOf(ctx, from)
		return from, plan, err
	}
	ref, digest, err := registry.ParseImage(img.Ref)
	if err != nil {
		return nil, nil, err
	}
	_, images, err := d.reg.Images(ctx, ref, digest)
	if err != nil {
		return nil, nil, err
	}
	if len(images) == 0 {
		return nil, nil, errors.New("the registry has it no more")
	}
	from := layerFiles{d.fitting(ctx, images).Image}
	plan, err := planOf(ctx, from)
	return from, plan, err
}

// maxPlan is more than any plan has.
const maxPlan = 16 << 20

func planOf(ctx context.Context, from files) (plan *variants.Plan, err error) {
	err = from.each(ctx, layout.Plan, func(_ string, content io.Reader) error {
		var b bytes.Buffer
		if _, err := io.Copy(&b, io.LimitReader(content, maxPlan)); err != nil {
			return err
		}
		plan, err = variants.ParsePlan(b.Bytes())
		return err
	})
	if err == nil && plan == nil {
		err = errors.New("it has no plan")
	}
	return plan, err
}

// checkSymbols says whether debug information is that of the program.
func (d *Doctor) checkSymbols(ctx context.Context) finding {
	t, err := d.target(ctx)
	if err != nil {
		return noTarget()
	}
	p, err := d.program(ctx)
	if err != nil {
		return noProgram(err)
	}
	switch t.labels().Kind {
	case variants.KindSidecar:
		return skipped("%s is a sidecar: name the container that it debugs", t.name)
	case variants.KindRemote, variants.KindAttach, variants.KindTest:
		return d.checkOwnSymbols(ctx, t, p)
	}
	s, err := d.symbols(ctx)
	switch {
	case err != nil && p.facts.DWARF:
		return found("%s has its own debug information, build id %s; %s", p.path, shortID(p.facts.BuildID), err)
	case err != nil:
		return skipped("%s", err)
	case s.differ != nil:
		f := failed(fmt.Sprintf("build the sidecar of the commit that runs: `dlvgen build -t %s --variant sidecar`", t.production.Name),
			"the symbols of %s are of another build than %s: %s", s.image.Ref, t.name, s.differ)
		if s.image.Of != "" {
			f = withDetails(f, "They belong to "+s.image.Of+".")
		}
		return f
	}
	return found("the symbols of %s are of the program of %s, build id %s", s.image.Ref, t.name, shortID(p.facts.BuildID))
}

// checkOwnSymbols compares the program of a debug image with the image's plan.
func (d *Doctor) checkOwnSymbols(ctx context.Context, t *target, p *program) finding {
	plan, err := planOf(ctx, p.files)
	switch {
	case err != nil:
		return warning("look at it with `dlvgen verify`", "the plan of %s cannot be read: %s", t.name, err)
	case !p.facts.DWARF:
		return failed("build the debug image again", "%s has no debug information", p.path)
	case plan.Program.BuildID != p.facts.BuildID:
		return failed("start a container of the image anew, and look for what replaces the program: a volume, a `docker cp`",
			"%s is not the program that %s was made with: its build id is %s, and the plan's %s", p.path, t.name, shortID(p.facts.BuildID), shortID(plan.Program.BuildID))
	}
	return found("%s has its own debug information, build id %s", p.path, shortID(p.facts.BuildID))
}

// shortID is the end of Go's build id, which is of the program's content.
func shortID(id string) string {
	const digits = 20
	if id == "" {
		return "unknown"
	}
	return id[max(0, len(id)-digits):]
}
