package frontend

import (
	"context"
	"fmt"

	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/frontend/gateway/client"
)

// MetaExplanation is the key of an [Explanation] as JSON in the result's metadata;
// a build for several platforms appends "/" and the platform.
const MetaExplanation = "dlvgen.explanation"

// Explanation says what a derivation would do, as far as that can be told without
// building.
type Explanation struct {
	Platform   string   `json:"platform"`
	Variant    string   `json:"variant"`
	Entrypoint []string `json:"entrypoint"`
	Cmd        []string `json:"cmd"`

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

	Steps    []llbgen.Surveyed `json:"steps"`
	Layers   []variants.Layer  `json:"layers,omitempty"`
	Warnings []string          `json:"warnings,omitempty"`

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

// Explain is a client.BuildFunc that reads the Dockerfile and looks at the context,
// and builds nothing. Base images are resolved, not fetched.
func (f *Frontend) Explain(ctx context.Context, c client.Client) (*client.Result, error) {
	request, err := ParseRequest(c.BuildOpts().Opts)
	if err == nil && request.Variant.Name == "" {
		request.Variant.Name = variants.Names()[0]
		request, err = request.Complete()
	}
	if err != nil {
		return nil, fmt.Errorf("dlvgen: %w", err)
	}
	d, err := f.load(ctx, c, request)
	if err != nil {
		return nil, err
	}
	explained := client.NewResult()
	for _, img := range d.production.Images {
		e := &explainer{deriver: d, image: img, made: &build{}}
		if err := e.explain(ctx); err != nil {
			return nil, err
		}
		if err := e.addTo(explained); err != nil {
			return nil, err
		}
	}
	return explained, nil
}
