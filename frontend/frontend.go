// Package frontend is dlvgen as a BuildKit frontend: a function from options to
// the debug image of a Dockerfile. The command line tool runs it in its own
// process, the gateway runs it from its image.
//
// One build's path: [Frontend.Build] reads the options (options.go), has internal/derive
// load production, derive from it or explain that, and puts what comes of it into the
// result (result.go).
package frontend

import (
	"context"
	"errors"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/internal/derive/rebuild"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
)

// Config says how a frontend is run.
type Config struct {
	// Tools is where the tools come from.
	Tools ToolsSource

	// Version is dlvgen's own, for labels and plans.
	Version string

	// Reference is the production image's, where it is known.
	Reference string

	// Image is the frontend image that an ejected Dockerfile takes the tools from.
	Image string

	// Source is where production comes from. The default is a Dockerfile.
	Source production.Source

	// HostGo has toolchains of the machine that the command runs on. The default is none.
	HostGo rebuild.HostGo
}

// Frontend derives debug images.
type Frontend struct {
	cfg Config
}

// New returns a frontend.
func New(cfg Config) *Frontend {
	if cfg.Source == nil {
		cfg.Source = production.Dockerfile{}
	}
	return &Frontend{cfg: cfg}
}

// Build implements client.BuildFunc. Without a variant asked for it is BuildKit's
// Dockerfile frontend and nothing else, so that the production image has the
// digest that it has without dlvgen.
func (f *Frontend) Build(ctx context.Context, c client.Client) (*client.Result, error) {
	attrs := c.BuildOpts().Opts
	if question, asked := attrs[keyRequest]; asked {
		return f.answer(ctx, c, question)
	}
	request, err := ParseRequest(attrs)
	if err != nil {
		return nil, fmt.Errorf("dlvgen: %w", err)
	}
	if request.Variant.Name == "" {
		return builder.Build(ctx, c)
	}
	d, err := f.load(ctx, c, hiding{c}, request)
	if err != nil {
		return nil, err
	}
	images, err := d.Derive(ctx)
	if err != nil {
		return nil, err
	}
	for _, img := range images {
		if err := replace(d.Result(), img, request); err != nil {
			return nil, err
		}
	}
	return d.Result(), nil
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
	images, err := f.explain(ctx, c, request)
	if err != nil {
		return nil, err
	}
	res := client.NewResult()
	for _, img := range images {
		if err := addExplanation(res, img); err != nil {
			return nil, err
		}
	}
	return res, nil
}

func (f *Frontend) explain(ctx context.Context, c client.Client, r variants.Request) ([]derive.Explained, error) {
	d, err := f.load(ctx, c, hiding{alone{c}}, r)
	if err != nil {
		return nil, err
	}
	return d.Explain(ctx)
}

// load reads what is to be derived, and from what. production is c as production is to see it.
func (f *Frontend) load(ctx context.Context, c, production client.Client, r variants.Request) (*derive.Deriver, error) {
	if err := checkBuildKit(c); err != nil {
		return nil, err
	}
	tools, err := f.cfg.Tools(ctx, c)
	if err != nil {
		return nil, err
	}
	return derive.Load(ctx, production, derive.Config{
		Source: f.cfg.Source, Tools: tools, HostGo: f.cfg.HostGo, Request: r, Version: f.cfg.Version, Reference: f.cfg.Reference,
	})
}

// checkBuildKit refuses a BuildKit that is too old, which does not tell its version: to solve
// at once came with 0.8.
func checkBuildKit(c client.Client) error {
	if caps := c.BuildOpts().Caps; !caps.Contains(gwpb.CapGatewayEvaluateSolve) {
		return errors.New("dlvgen: this BuildKit is too old: dlvgen needs BuildKit 0.8 or later, which Docker Engine has from 20.10 on")
	}
	return nil
}
