package frontend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/frontend/gateway/client"
)

// explainer explains one platform's image.
type explainer struct {
	*deriver
	image production.Image

	// made has what a build found in the stages, nothing where nothing was built.
	made *build

	out Explanation

	// prefix are the known launchers ahead of the program.
	prefix []string

	// contexts are the file systems that files were looked up in, by their sources.
	contexts map[string]rootFS
}

// explain tells what can be told of the image without building.
func (e *explainer) explain(ctx context.Context) (err error) {
	cfg := e.image.Config.Config
	e.out = Explanation{
		Platform: platforms.FormatAll(e.image.Platform), Variant: e.request.Preset,
		Entrypoint: cfg.Entrypoint, Cmd: cfg.Cmd,
	}
	if e.out.Steps, err = llbgen.Survey(e.image.Solve.Definition, e.client.options(e.made)); err != nil {
		return err
	}
	if err = e.program(ctx); err == nil {
		err = e.checkCompiles()
	}
	if err == nil {
		err = e.plan(ctx)
	}
	var refused *refusal
	if errors.As(err, &refused) {
		e.out.Refusal, err = refused.Error(), nil
	}
	return err
}

// addTo adds the explanation to the result, and the trees where they are asked for.
func (e *explainer) addTo(res *client.Result) error {
	dt, err := json.MarshalIndent(e.out, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the explanation: %w", err)
	}
	res.AddMeta(MetaExplanation+e.image.Suffix, dt)
	if e.request.PrintLLB {
		return e.addTrees(res)
	}
	return nil
}

// addTrees adds the definition before and after. What a build finds in the stages
// changes more: it binds the stand-in over their toolchains.
func (e *explainer) addTrees(res *client.Result) error {
	in, err := llbgen.Instrument(e.image.Solve.Definition, e.client.options(e.made))
	if err != nil {
		return err
	}
	text, err := trees(e.image.Solve.Definition, "instrumented", in.Definition)
	res.AddMeta(MetaLLB+e.image.Suffix, text)
	return err
}

// plan completes the explanation by what follows from it.
func (e *explainer) plan(ctx context.Context) error {
	if e.request.Variant.Kind != variants.KindSidecar {
		for _, ours := range []string{layout.Delve, layout.Dir} {
			o, _, err := e.originOf(ctx, ours)
			if err != nil {
				return err
			}
			if o.Named {
				return occupied(ours)
			}
		}
	}
	p, err := variants.New(e.input())
	if err != nil {
		return &refusal{err}
	}
	if e.out.Program != "" || e.out.Detour != "" || e.request.Entry != "" {
		e.out.Layers, e.out.Entry = p.Layers, p.Request.Entry
	}
	if e.out.Go != "" {
		e.out.Delve = p.Delve
	}
	if e.request.Variant.Kind != variants.KindAttach {
		e.out.DelveArgs = e.request.DelveArgs
	}
	return nil
}

// compiles tells whether any step may compile Go.
func (e *explainer) compiles() bool {
	return slices.ContainsFunc(e.out.Steps, func(s llbgen.Surveyed) bool { return s.Treatment == llbgen.TreatmentInstrumented })
}

// onlyOpen tells whether it depends on what stages have of Go whether any step compiles
// it.
func (e *explainer) onlyOpen() bool {
	return !slices.ContainsFunc(e.out.Steps, func(s llbgen.Surveyed) bool { return s.Treatment == llbgen.TreatmentInstrumented && !s.Open })
}

// checkCompiles refuses what no step compiles, and says where only a build can tell.
func (e *explainer) checkCompiles() error {
	if e.out.Rebuilt != nil {
		return nil
	}
	byOrigin := slices.IndexFunc(e.out.Steps, func(s llbgen.Surveyed) bool { return s.NoGo && s.Name == e.out.Origin })
	switch {
	case e.out.Ready && e.request.Variant.Sources == variants.SourcesBaked:
		return unknownSources(e.out.Program, e.production.Name)
	case e.out.Ready:
	case byOrigin >= 0:
		e.warn(fmt.Sprintf("%s is made by a step whose stage has no Go: only a build can tell whether it installs and compiles Go", e.out.Program))
	case e.compiles() && e.onlyOpen():
		e.warn("no stage is known to have Go: whether a step compiles any, only a build can tell")
	case e.compiles():
	default:
		return noStepCompiles(e.production.Name, e.out.Program, e.out.Origin, e.image.Config.Config)
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
