package frontend

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
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
	tools, err := f.cfg.Tools(ctx, c)
	if err != nil {
		return nil, err
	}
	reading := &readingClient{
		instrumentingClient: newInstrumentingClient(c, tools, request),
		kept:                map[client.Reference]*pb.Definition{},
	}
	if err := checkSyntax(ctx, reading.instrumentingClient); err != nil {
		return nil, err
	}
	res, err := builder.Build(ctx, reading)
	if err != nil {
		return nil, err
	}
	images, err := imagesOf(res)
	if err != nil {
		return nil, err
	}
	explained := client.NewResult()
	for _, img := range images {
		e := &explainer{client: reading, request: request, version: f.cfg.Version, image: img}
		if err := e.explain(ctx); err != nil {
			return nil, err
		}
		if err := e.addTo(explained); err != nil {
			return nil, err
		}
	}
	return explained, nil
}

// readingClient solves the definitions that only read the Dockerfile or a context,
// and keeps those that would be built.
type readingClient struct {
	*instrumentingClient

	mu   sync.Mutex
	kept map[client.Reference]*pb.Definition
}

// unbuilt stands for the result of a definition.
type unbuilt struct{ client.Reference }

// Solve implements client.Client.
func (c *readingClient) Solve(ctx context.Context, req client.SolveRequest) (*client.Result, error) {
	if req.Definition == nil {
		return c.Client.Solve(ctx, req)
	}
	builds, err := llbgen.Builds(req.Definition)
	if err != nil {
		return nil, err
	}
	res := client.NewResult()
	if builds {
		res.SetRef(&unbuilt{})
	} else if res, err = c.Client.Solve(ctx, req); err != nil {
		return nil, err
	}
	if ref, err := res.SingleRef(); err == nil && ref != nil {
		c.mu.Lock()
		c.kept[ref] = req.Definition
		c.mu.Unlock()
	}
	return res, nil
}

// of returns what a reference of this client's stands for.
func (c *readingClient) of(ref client.Reference) (*pb.Definition, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	def, ok := c.kept[ref]
	if !ok {
		return nil, errors.New("the Dockerfile frontend returned a result that it did not solve through dlvgen")
	}
	return def, nil
}
