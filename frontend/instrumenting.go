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
	tools llbgen.Tools
	opts  Options
	mode  llbgen.Mode

	mu           sync.Mutex
	instrumented map[client.Reference]*production
	productions  []*production // solved or about to be, whatever comes of it
}

// production is one instrumented definition with what it was made from.
type production struct {
	*llbgen.Instrumented
	before     client.SolveRequest
	toolchains map[digest.Digest]llbgen.Toolchain // that were found in the stages
}

var _ client.Client = &instrumentingClient{}

func newInstrumentingClient(c client.Client, tools llbgen.Tools, opts Options, mode llbgen.Mode) *instrumentingClient {
	return &instrumentingClient{Client: c, tools: tools, opts: opts, mode: mode, instrumented: map[client.Reference]*production{}}
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
	made, err := c.instrument(ctx, req)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.productions = append(c.productions, made)
	c.mu.Unlock()
	req.Definition = made.Definition
	res, err := c.Client.Solve(ctx, req)
	if err != nil {
		return nil, err
	}
	if ref, err := res.SingleRef(); err == nil && ref != nil {
		c.mu.Lock()
		c.instrumented[ref] = made
		c.mu.Unlock()
	}
	return res, nil
}

// instrument goes over the definition until every step's toolchain is known: once
// for a stage, and once more for one that a step before it may have brought.
func (c *instrumentingClient) instrument(ctx context.Context, req client.SolveRequest) (*production, error) {
	opts := llbgen.InstrumentOptions{
		Tools:          c.tools,
		Mode:           c.mode,
		Toolchains:     map[digest.Digest]llbgen.Toolchain{},
		NoGoCache:      c.opts.NoGoCache,
		CacheNamespace: c.BuildOpts().Opts[buildArgPrefix+"BUILDKIT_CACHE_MOUNT_NS"],
	}
	parsed, err := llbgen.Parse(req.Definition)
	if err != nil {
		return nil, err
	}
	for {
		in, err := parsed.Instrument(opts)
		if err != nil {
			return nil, err
		}
		found, err := locate(ctx, c.Client, in.Unlocated(), req.CacheImports)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return &production{Instrumented: in, before: req, toolchains: opts.Toolchains}, nil
		}
		maps.Copy(opts.Toolchains, found)
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
