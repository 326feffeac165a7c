package derive

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/derive/find"
	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/internal/derive/rebuild"
	"github.com/dlvgen/dlvgen/internal/derive/refuse"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
)

// explainer explains one platform's image.
type explainer struct {
	*Deriver
	image production.Image

	// made has what a build found in the stages, nothing where nothing was built.
	made     *build
	evidence *find.Predicted

	out Explanation

	// open is set where only a build can tell which the program is.
	open bool

	// prefix are the known launchers ahead of the program.
	prefix []string
}

// explain tells what can be told of the image without building.
func (e *explainer) explain(ctx context.Context) (err error) {
	cfg := e.image.Config.Config
	e.out = Explanation{
		Platform: platforms.FormatAll(e.image.Platform), Variant: e.request.Preset, Kind: e.request.Variant.Kind,
		Entrypoint: cfg.Entrypoint, Cmd: cfg.Cmd,
	}
	if e.evidence, err = e.predicted(e.image, e.made); err == nil {
		e.out.Steps = e.evidence.Steps
		err = e.find(ctx)
	}
	if err == nil {
		err = e.checkCompiles()
	}
	if err == nil {
		err = e.plan(ctx)
	}
	var refused *refuse.Error
	var noTools *llbgen.NoToolsError
	switch {
	case errors.As(err, &refused):
		e.out.Refusal, err = refused.Error(), nil
	case errors.As(err, &noTools):
		e.out.Refusal, err = err.Error(), nil
	}
	return err
}

// find finds out what the image starts and where that comes from, and what becomes of a
// program that no step compiles.
func (e *explainer) find(ctx context.Context) error {
	p, err := find.Find(ctx, e.evidence, e.image.Config.Config, e.request)
	var atStart *find.AtStartError
	var open *find.OpenError
	switch {
	case errors.As(err, &atStart):
		return e.ahead(atStart)
	case errors.As(err, &open):
		e.open, e.out.Program, e.out.Detour = true, open.Program, open.Detour
		e.warn(open.Error())
		return nil
	case p == nil:
		return err
	}
	e.out.Program, e.out.Origin, e.out.Detour, e.prefix = p.Path, p.Origin(), p.Command.Detour, p.Command.Prefix
	if image := p.Fetched(); image != "" && e.request.Program != "" {
		e.warn(fmt.Sprintf("only a build can tell whether %s has %s", image, p))
	}
	switch {
	case err != nil || p.Stat == nil:
		return err
	case p.Facts == nil:
		return refuse.NotGo(p.Role(e.image.Config.Config), p.Unread, e.evidence.Compiles())
	}
	comes := func(context.Context) (string, error) { return rebuild.Copied(p.Origin()), nil }
	plan, err := e.readyMade(e.client, e.image, p, comes).Decide(ctx)
	switch {
	case err != nil:
		return err
	case plan == nil:
		e.out.Ready = true
	default:
		e.out.Rebuilt = &plan.Record
	}
	e.out.Go = p.Facts.GoVersion
	return nil
}

// warn notes what only a build can tell.
func (e *explainer) warn(what string) { e.out.Warnings = append(e.out.Warnings, what) }

// plan completes the explanation by what follows from it.
func (e *explainer) plan(ctx context.Context) error {
	if e.request.Variant.Kind != variants.KindSidecar {
		if err := find.CheckFree(ctx, e.evidence); err != nil {
			return err
		}
	}
	p, err := variants.New(e.input())
	if err != nil {
		return &refuse.Error{Cause: err}
	}
	if e.out.Program != "" || e.out.Detour != "" || e.request.Entry != "" {
		e.out.Layers, e.out.Entry = layersOf(p.Layers), p.Request.Entry
	}
	if e.out.Go != "" {
		e.out.Delve = p.Delve
	}
	if e.request.Variant.Kind != variants.KindAttach {
		e.out.DelveArgs = e.request.DelveArgs
	}
	return nil
}

// predicted is what can be told of an image without building, and with what made has.
func (d *Deriver) predicted(img production.Image, made *build) (*find.Predicted, error) {
	steps, err := llbgen.Survey(img.Solve.Definition, d.client.options(made))
	return &find.Predicted{Client: d.client, Image: img, Source: d.production.Name, Steps: steps}, err
}

// checkCompiles refuses what no step compiles, and says where only a build can tell.
func (e *explainer) checkCompiles() error {
	byOrigin := slices.IndexFunc(e.out.Steps, func(s llbgen.Surveyed) bool { return s.NoGo && s.Name == e.out.Origin })
	switch {
	case e.out.Ready || e.out.Rebuilt != nil || e.open && !e.evidence.Compiles():
	case byOrigin >= 0:
		e.warn(fmt.Sprintf("%s is made by a step whose stage has no Go: only a build can tell whether it installs and compiles Go", e.out.Program))
	case e.evidence.Compiles() && !e.evidence.SurelyCompiles():
		e.warn("no stage is known to have Go: whether a step compiles any, only a build can tell")
	case e.evidence.Compiles():
	default:
		return refuse.NoStepCompiles(e.production.Name, e.out.Program, e.out.Origin, e.image.Config.Config)
	}
	return nil
}

// compiler is the version of Go that compiles the program, as far as the environments of
// steps tell: of the step that makes it, or of all that surely have Go.
func (e *explainer) compiler() string {
	var versions []string
	for _, s := range e.out.Steps {
		if s.Name == e.out.Origin {
			versions = []string{s.Go}
			break
		}
		if s.Treatment == llbgen.TreatmentInstrumented && (s.Go != "" || !s.Open) && !slices.Contains(versions, s.Go) {
			versions = append(versions, s.Go)
		}
	}
	if len(versions) != 1 || versions[0] == "" {
		return ""
	}
	return "go" + versions[0]
}

// input is what the plan is made from, as far as it is known.
func (e *explainer) input() variants.Input {
	if e.out.Go == "" {
		e.out.Go = e.compiler()
	}
	in := variants.Input{
		Request: e.request, Platform: e.out.Platform, Config: e.image.Config, Base: e.image.Base,
		Program: variants.Program{Path: e.out.Program, File: e.out.Program, GoVersion: e.out.Go, Rebuilt: e.out.Rebuilt},
		Command: variants.Command{Prefix: e.prefix, Detour: e.out.Detour}, Version: e.version,
	}
	if e.request.Variant.Kind == variants.KindSidecar {
		in.Symbols = &variants.Symbols{}
	}
	return in
}
