package derive

import (
	"context"
	"errors"
	"slices"

	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/solver/pb"
)

// Explanation says what a derivation would do, as far as that can be told without
// building.
type Explanation struct {
	Platform   string        `json:"platform"`
	Variant    string        `json:"variant"`
	Kind       variants.Kind `json:"kind"`
	Entrypoint []string      `json:"entrypoint"`
	Cmd        []string      `json:"cmd"`

	// Program is the path of the program, empty where only a build can tell, and
	// Origin what makes it.
	Program string `json:"program,omitempty"`
	Origin  string `json:"origin,omitempty"`

	// Detour says what the image's command starts in between.
	Detour string `json:"detour,omitempty"`

	Entry variants.Entry `json:"entry,omitempty"`

	// Go is the version that the compiling step's environment names, Delve the
	// debugger for it, DelveArgs the flags that the user adds to its own.
	Go        string   `json:"go,omitempty"`
	Delve     string   `json:"delve,omitempty"`
	DelveArgs []string `json:"delveArgs,omitempty"`

	Steps []llbgen.Surveyed `json:"steps"`

	// Graph is production's definition with what becomes of its steps.
	// It is nil where a step that compiles runs on a platform without tools.
	Graph *llbgen.Graph `json:"graph,omitempty"`

	Layers   []Layer  `json:"layers,omitempty"`
	Warnings []string `json:"warnings,omitempty"`

	// Emulated says which steps run under emulation on the builder, and what that means.
	Emulated string `json:"emulated,omitempty"`

	// Calls are the calls of the go command that compiled programs. They are known
	// once the Dockerfile was built.
	Calls []Call `json:"calls,omitempty"`

	// Ready is set for a program that was compiled before the build, and for
	// debugging: it is used as it is.
	Ready bool `json:"ready,omitempty"`

	// Rebuilt says how a program that was compiled before the build is compiled again.
	Rebuilt *variants.Rebuilt `json:"rebuilt,omitempty"`

	// Refusal is why there can be no debug image, empty where there can.
	Refusal string `json:"refusal,omitempty"`
}

// Layer is a layer that the debug image has more than what it stands on.
type Layer struct {
	variants.Layer

	// From is what its files are copied from.
	From []variants.Source `json:"from,omitempty"`
}

// layersOf are the layers of a plan.
func layersOf(planned []variants.Layer) []Layer {
	var layers []Layer
	for _, l := range planned {
		one := Layer{Layer: l}
		for _, i := range l.Items {
			if i.From != "" && !slices.Contains(one.From, i.From) {
				one.From = append(one.From, i.From)
			}
		}
		layers = append(layers, one)
	}
	return layers
}

// Explained is what can be told of the debug image of a platform.
type Explained struct {
	Production  production.Image
	Explanation Explanation

	// Instrumented is the definition that would be built, where the request asks for that.
	// What a build finds in the stages changes more: it binds the stand-in over their
	// toolchains.
	Instrumented *pb.Definition
}

// Explain tells what can be told of the image of every platform. It reads the Dockerfile,
// looks at the context, and builds nothing. Base images are resolved, not fetched.
func (d *Deriver) Explain(ctx context.Context) ([]Explained, error) {
	var explained []Explained
	for _, img := range d.production.Images {
		e := &explainer{Deriver: d, image: img, made: &build{}}
		if err := e.explain(ctx); err != nil {
			return nil, err
		}
		var err error
		if e.out.Graph, err = d.graph(img, e.made); err != nil {
			return nil, err
		}
		if _, e.out.Emulated, err = d.emulation(img); err != nil {
			return nil, err
		}
		one := Explained{Production: img, Explanation: e.out}
		if d.request.PrintLLB {
			in, err := llbgen.Instrument(img.Solve.Definition, d.client.options(e.made))
			if err != nil {
				return nil, err
			}
			one.Instrumented = in.Definition
		}
		explained = append(explained, one)
	}
	return explained, nil
}

// graph is what becomes of the image's definition.
func (d *Deriver) graph(img production.Image, made *build) (*llbgen.Graph, error) {
	g, err := llbgen.Draw(img.Solve.Definition, d.client.options(made))
	var noTools *llbgen.NoToolsError
	if errors.As(err, &noTools) {
		return nil, nil // the explanation refuses it
	}
	return &g, err
}
