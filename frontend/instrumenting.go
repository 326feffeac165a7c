package frontend

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/frontend/gateway/client"
	digest "github.com/opencontainers/go-digest"
)

// instrumentingClient wraps client.Client so that every definition that may
// compile Go is instrumented before it is solved.
type instrumentingClient struct {
	client.Client
	tools   llbgen.Tools
	request variants.Request
	mode    llbgen.Mode

	mu           sync.Mutex
	instrumented map[client.Reference]*production
	productions  []*production // solved or about to be, whatever comes of it
}

// production is one instrumented definition with what it was made from.
type production struct {
	*llbgen.Instrumented
	before     client.SolveRequest
	toolchains map[digest.Digest]llbgen.Toolchain // that were found in the stages
	suspected  map[digest.Digest]bool             // steps that compiled the program, against expectation
}

var _ client.Client = &instrumentingClient{}

func newInstrumentingClient(c client.Client, tools llbgen.Tools, r variants.Request) *instrumentingClient {
	return &instrumentingClient{Client: c, tools: tools, request: r, mode: modeOf(r), instrumented: map[client.Reference]*production{}}
}

// modeOf is how a variant's program is compiled.
func modeOf(r variants.Request) llbgen.Mode {
	switch {
	case r.Variant.Kind == variants.KindSidecar:
		return llbgen.ModeSymbols
	case r.Optimize:
		return llbgen.ModeOptimized
	}
	return llbgen.ModeDebug
}

// BuildOpts hides dlvgen's own options. The command line is set, if only empty, so
// that a syntax line in the Dockerfile does not lead to another frontend, which
// would solve past this client. An SBOM of a debug image would describe production.
func (c *instrumentingClient) BuildOpts() client.BuildOpts {
	opts := c.Client.BuildOpts()
	opts.Opts = without(opts.Opts)
	if _, ok := opts.Opts[keyCmdline]; !ok {
		opts.Opts[keyCmdline] = ""
	}
	delete(opts.Opts, "attest:sbom")
	return opts
}

// Solve instruments the definition, looks for the toolchain of each stage that
// compiles, and solves the result.
func (c *instrumentingClient) Solve(ctx context.Context, req client.SolveRequest) (*client.Result, error) {
	if req.Definition == nil {
		return c.Client.Solve(ctx, req)
	}
	return c.solve(ctx, &production{before: req})
}

// again solves what p was made from once more, with the suspects instrumented too.
func (c *instrumentingClient) again(ctx context.Context, p *production, suspects []digest.Digest) (client.Reference, error) {
	again := &production{before: p.before, toolchains: maps.Clone(p.toolchains), suspected: maps.Clone(p.suspected)}
	if again.suspected == nil {
		again.suspected = map[digest.Digest]bool{}
	}
	for _, s := range suspects {
		again.suspected[s] = true
	}
	res, err := c.solve(ctx, again)
	if err != nil {
		return nil, err
	}
	return res.SingleRef()
}

// solve instruments and solves what p is made from.
func (c *instrumentingClient) solve(ctx context.Context, p *production) (*client.Result, error) {
	if err := c.instrument(ctx, p); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.productions = append(c.productions, p)
	c.mu.Unlock()
	req := p.before
	req.Definition = p.Definition
	res, err := c.Client.Solve(ctx, req)
	if err != nil {
		return nil, err
	}
	if ref, err := res.SingleRef(); err == nil && ref != nil {
		c.mu.Lock()
		c.instrumented[ref] = p
		c.mu.Unlock()
	}
	return res, nil
}

// instrument goes over the definition until every step's toolchain is known: once
// for a stage, and once more for one that a step before it may have brought.
func (c *instrumentingClient) instrument(ctx context.Context, p *production) error {
	if p.toolchains == nil {
		p.toolchains = map[digest.Digest]llbgen.Toolchain{}
	}
	opts := llbgen.InstrumentOptions{
		Tools:          c.tools,
		Mode:           c.mode,
		Toolchains:     p.toolchains,
		Suspected:      p.suspected,
		NoGoCache:      c.request.NoGoCache,
		CacheNamespace: c.BuildOpts().Opts[buildArgPrefix+"BUILDKIT_CACHE_MOUNT_NS"],
	}
	parsed, err := llbgen.Parse(p.before.Definition)
	if err != nil {
		return err
	}
	for {
		if p.Instrumented, err = parsed.Instrument(opts); err != nil {
			return err
		}
		found, err := locate(ctx, c.Client, p.Unlocated(), p.before.CacheImports)
		if err != nil || len(found) == 0 {
			return err
		}
		maps.Copy(p.toolchains, found)
	}
}

// of returns what a reference of this client's was made from.
func (c *instrumentingClient) of(ref client.Reference) (*production, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.instrumented[ref]
	if !ok {
		return nil, fmt.Errorf("the Dockerfile frontend returned a result that it did not solve through dlvgen")
	}
	return p, nil
}
