package frontend

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/llbgen/llbtree"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// explainer explains one platform's image.
type explainer struct {
	client  *readingClient
	request variants.Request
	version string
	image   image

	// toolchains are those that a build has found, and suspected the steps that it
	// instrumented against expectation; nil where nothing was built.
	toolchains map[digest.Digest]llbgen.Toolchain
	suspected  map[digest.Digest]bool

	definition *pb.Definition
	out        Explanation

	// prefix are the known launchers ahead of the program.
	prefix []string

	// contexts are the file systems that files were looked up in, by their sources.
	contexts map[string]rootFS
}

// explain tells what can be told of the image without building.
func (e *explainer) explain(ctx context.Context) (err error) {
	if e.definition, err = e.client.of(e.image.ref); err != nil {
		return err
	}
	cfg := e.image.config.Config
	e.out = Explanation{
		Platform: platforms.FormatAll(e.image.platform), Variant: e.request.Preset,
		Entrypoint: cfg.Entrypoint, Cmd: cfg.Cmd,
	}
	if e.out.Steps, err = llbgen.Survey(e.definition, e.options()); err != nil {
		return err
	}
	if err := e.program(ctx); err != nil {
		return err
	}
	return e.plan(ctx)
}

// options are those with which the image would be built.
func (e *explainer) options() llbgen.InstrumentOptions {
	return llbgen.InstrumentOptions{Tools: e.client.tools, Mode: e.client.mode, Toolchains: e.toolchains, Suspected: e.suspected, NoGoCache: e.request.NoGoCache}
}

// addTo adds the explanation to the result, and the trees where they are asked for.
func (e *explainer) addTo(res *client.Result) error {
	dt, err := json.MarshalIndent(e.out, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the explanation: %w", err)
	}
	res.AddMeta(MetaExplanation+e.image.suffix, dt)
	if e.request.PrintLLB {
		return e.addTrees(res)
	}
	return nil
}

// addTrees adds the definition before and after. What a build finds in the stages
// changes more: it binds the stand-in over their toolchains.
func (e *explainer) addTrees(res *client.Result) error {
	in, err := llbgen.Instrument(e.definition, e.options())
	if err != nil {
		return err
	}
	before, err := llbtree.Format(e.definition)
	if err != nil {
		return err
	}
	after, err := llbtree.Format(in.Definition)
	if err != nil {
		return err
	}
	res.AddMeta(MetaLLB+e.image.suffix, []byte("production:\n"+before+"\ninstrumented:\n"+after))
	return nil
}

// plan completes the explanation by what follows from it.
func (e *explainer) plan(ctx context.Context) error {
	e.checkCompiles()
	if e.out.Refusal == "" && e.request.Variant.Kind != variants.KindSidecar {
		for _, ours := range []string{layout.Delve, layout.Dir} {
			o, _, err := e.originOf(ctx, ours)
			if err != nil {
				return err
			}
			if o.Named {
				e.out.Refusal = fmt.Sprintf("the image has %s already, where dlvgen would put its own: derive from a Dockerfile target that has no debugger in it", ours)
			}
		}
	}
	if e.out.Refusal != "" {
		return nil
	}
	p, err := variants.New(e.input())
	if err != nil {
		e.out.Refusal = err.Error()
		return nil
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
func (e *explainer) checkCompiles() {
	if e.out.Refusal != "" || e.out.Rebuilt != nil {
		return
	}
	byOrigin := slices.IndexFunc(e.out.Steps, func(s llbgen.Surveyed) bool { return s.NoGo && s.Name == e.out.Origin })
	switch {
	case e.out.Ready && e.request.Variant.Sources == variants.SourcesBaked:
		e.out.Refusal = fmt.Sprintf("no step of the Dockerfile compiles %s, so its sources are not known: derive a variant without sources, or with --sources=excluded", e.out.Program)
	case e.out.Ready:
	case byOrigin >= 0:
		e.warn(fmt.Sprintf("%s is made by a step whose stage has no Go: whether it brings and compiles Go, only a build can tell", e.out.Program))
	case e.compiles() && e.onlyOpen():
		e.warn("no stage is known to have Go: whether a step compiles any, only a build can tell")
	case e.compiles():
	default:
		e.out.Refusal = "no step of the Dockerfile compiles Go"
		if e.out.Origin != "" {
			e.out.Refusal += fmt.Sprintf(", and %s, which the image starts (%s), comes from %s", e.out.Program, origin(e.image.config.Config), e.out.Origin)
		}
		e.out.Refusal += ": compile the program in the Dockerfile"
	}
}

// input is what the plan is made from, as far as it is known.
func (e *explainer) input() variants.Input {
	for _, s := range e.out.Steps {
		if s.Go != "" && (e.out.Go == "" || s.Name == e.out.Origin) {
			e.out.Go = "go" + s.Go
		}
	}
	in := variants.Input{
		Request: e.request, Platform: e.out.Platform, Config: e.image.config, Base: e.image.base,
		Program: variants.Program{Path: e.out.Program, File: e.out.Program, GoVersion: e.out.Go, Rebuilt: e.out.Rebuilt},
		Command: variants.Command{Prefix: e.prefix, Detour: e.out.Detour}, Version: e.version,
	}
	if e.request.Variant.Kind == variants.KindSidecar {
		in.Symbols = &variants.Symbols{}
	}
	return in
}
