// Package frontend is dlvgen as a BuildKit frontend: a function from options to
// the debug image of a Dockerfile. The command line tool runs it in its own
// process, the gateway runs it from its image.
//
// One build's path: [Frontend.Build] reads the options and loads the production
// definition (internal/derive/production), which is instrumented and solved
// (instrumenting.go); derive.go then looks at what was compiled, plans the variant and
// puts it together.
package frontend

import (
	"context"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/frontend/gateway/client"
)

// MetaPlan and MetaLLB are keys of the result's metadata: the plan as JSON, and the
// definitions as text trees. A build for several platforms appends "/" and the
// platform.
const (
	MetaPlan = "dlvgen.plan"
	MetaLLB  = "dlvgen.llb"
)

// Config says how a frontend is run.
type Config struct {
	// Tools is where the tools come from.
	Tools ToolsSource

	// Version is dlvgen's own, for labels and plans.
	Version string

	// Reference is the production image's, where it is known.
	Reference string
}

// Frontend derives debug images.
type Frontend struct {
	cfg Config
}

// New returns a frontend.
func New(cfg Config) *Frontend { return &Frontend{cfg: cfg} }

// Build implements client.BuildFunc. Without a variant asked for it is BuildKit's
// Dockerfile frontend and nothing else, so that the production image has the
// digest that it has without dlvgen.
func (f *Frontend) Build(ctx context.Context, c client.Client) (*client.Result, error) {
	attrs := c.BuildOpts().Opts
	request, err := ParseRequest(attrs)
	if err != nil {
		return nil, fmt.Errorf("dlvgen: %w", err)
	}
	if _, subrequest := attrs["requestid"]; subrequest || request.Variant.Name == "" {
		return builder.Build(ctx, c)
	}
	d, err := f.load(ctx, c, request)
	if err != nil {
		return nil, err
	}
	if err := d.derive(ctx); err != nil {
		return nil, d.client.hinted(err)
	}
	return d.production.Result, nil
}

// load reads what is to be derived, and from what.
func (f *Frontend) load(ctx context.Context, c client.Client, r variants.Request) (*deriver, error) {
	tools, err := f.cfg.Tools(ctx, c)
	if err != nil {
		return nil, err
	}
	d := &deriver{client: &instrumenter{Client: c, tools: tools, request: r, mode: modeOf(r)}, request: r, version: f.cfg.Version, reference: f.cfg.Reference}
	d.production, err = production.Dockerfile{}.Load(ctx, d.client)
	return d, err
}
