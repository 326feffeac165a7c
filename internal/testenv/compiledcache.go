package testenv

import (
	"context"
	"fmt"
	"path"
	"runtime"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
)

// compiledCache is an image with Go build caches, for debugging and as in production, named
// without the registry's host, and the path of the first in it.
const compiledCache, compiledPath = "dlvgen/compiled:steps", "go-build"

// fillCache puts the standard library, compiled for debugging and as in production, into
// the cache that dlvgen's compile steps of root have in a BuildKit. The first of them takes
// 3 seconds of processor time with it, not 30.
func (b *BuildKit) fillCache(ctx context.Context, reg *Registry) error {
	compiled, err := reg.store.compiledLayer(ctx, compiledPath, "'-gcflags=all=-N -l'")
	if err != nil {
		return fmt.Errorf("compiling the standard library for debugging: %w", err)
	}
	production, err := reg.store.compiledAsProduction(ctx)
	if err != nil {
		return err
	}
	if err := reg.pushBases(ctx, []baseImage{{names: []string{compiledCache}, layers: []layer{compiled, production}}}); err != nil {
		return err
	}
	// As llbgen makes the mount, or the two would not be one cache.
	folder := "/" + layout.CachePrefix + "go-build"
	id := layout.CachePrefix + "go-build-" + layout.Platform("linux", runtime.GOARCH, "")
	cache := llb.Scratch().File(llb.Mkdir(folder, 0o777))
	def, err := llb.Image("docker.io/library/busybox:latest").Run(
		llb.Args([]string{"/bin/sh", "-c", "cp -a " + path.Join("/compiled", compiledPath) + "/. " + path.Join("/compiled", golangCache) + "/. /cache"}),
		llb.AddMount("/compiled", llb.Image("docker.io/"+compiledCache), llb.Readonly),
		llb.AddMount("/cache", cache, llb.SourcePath(folder), llb.AsPersistentCacheDir(id, llb.CacheMountShared)),
	).Root().Marshal(ctx)
	if err != nil {
		return fmt.Errorf("filling dlvgen's Go build cache: %w", err)
	}
	c, err := b.Client(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Solve(ctx, def, client.SolveOpt{}, nil); err != nil {
		return fmt.Errorf("filling dlvgen's Go build cache: %w", err)
	}
	return nil
}
