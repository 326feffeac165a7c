package derive

import (
	"context"
	"maps"
	"sync"

	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// instrumenter instruments every definition that may compile Go before it is solved.
type instrumenter struct {
	client.Client
	tools   llbgen.Tools
	request variants.Request
	mode    llbgen.Mode

	mu     sync.Mutex
	builds []*build // whatever comes of them
}

// build is one instrumented definition with what it was made from.
type build struct {
	*llbgen.Instrumented
	ref        client.Reference
	before     client.SolveRequest
	toolchains map[digest.Digest]llbgen.Toolchain // that were found in the stages
	suspected  map[digest.Digest]bool             // steps that compiled the program, against expectation
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

// again builds what b was made from once more, with the suspects instrumented too.
func (c *instrumenter) again(ctx context.Context, b *build, suspects []digest.Digest) (*build, error) {
	again := &build{before: b.before, toolchains: maps.Clone(b.toolchains), suspected: maps.Clone(b.suspected)}
	if again.suspected == nil {
		again.suspected = map[digest.Digest]bool{}
	}
	for _, s := range suspects {
		again.suspected[s] = true
	}
	return again, c.solve(ctx, again)
}

// build instruments what a request solves, and solves that.
func (c *instrumenter) build(ctx context.Context, req client.SolveRequest) (*build, error) {
	b := &build{before: req}
	return b, c.solve(ctx, b)
}

// solve looks for the toolchain of each stage that compiles, and solves the result.
func (c *instrumenter) solve(ctx context.Context, b *build) error {
	if err := c.instrument(ctx, b); err != nil {
		return err
	}
	c.mu.Lock()
	c.builds = append(c.builds, b)
	c.mu.Unlock()
	req := b.before
	req.Definition = b.Definition
	res, err := c.Solve(ctx, req)
	if err != nil {
		return err
	}
	b.ref, err = res.SingleRef()
	return err
}

// options are those with which the definition is instrumented.
func (c *instrumenter) options(b *build) llbgen.InstrumentOptions {
	caps := c.BuildOpts().LLBCaps
	return llbgen.InstrumentOptions{
		Tools:          c.tools,
		Mode:           c.mode,
		Test:           c.request.Test,
		Toolchains:     b.toolchains,
		Suspected:      b.suspected,
		NoGoCache:      c.request.NoGoCache,
		Merges:         caps.Supports(pb.CapMergeOp) == nil,
		CacheNamespace: c.BuildOpts().Opts["build-arg:BUILDKIT_CACHE_MOUNT_NS"],
	}
}

// instrument goes over the definition until every step's toolchain is known: once
// for a stage, and once more for one that a step before it may have brought.
func (c *instrumenter) instrument(ctx context.Context, b *build) error {
	if b.toolchains == nil {
		b.toolchains = map[digest.Digest]llbgen.Toolchain{}
	}
	parsed, err := llbgen.Parse(b.before.Definition)
	if err != nil {
		return err
	}
	for {
		if b.Instrumented, err = parsed.Instrument(c.options(b)); err != nil {
			return err
		}
		found, err := locate(ctx, c, b.Unlocated(), b.before.CacheImports)
		if err != nil || len(found) == 0 {
			return err
		}
		maps.Copy(b.toolchains, found)
	}
}
