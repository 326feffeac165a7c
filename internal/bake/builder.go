package bake

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dlvgen/dlvgen/internal/buildkit/builders"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/moby/buildkit/client"
)

// builder carries out one request.
type builder struct {
	*Request
	streams Streams

	call frontendCall

	tools    *toolbox
	registry *registry.Client
	on       *builders.Builder
	engine   *docker.Engine // nil where nothing is loaded

	// unresolved says why no registry has the published image.
	unresolved error
}

// open finds the published image, if there is one, the builder, and the Docker Engine that
// images are loaded into: its own, if it is a Docker Engine's.
func (b *builder) open(ctx context.Context, waits *patience.Patience) (err error) {
	if err := b.resolve(ctx); err != nil {
		return err
	}
	options := builders.FromEnvironment(b.addr, b.builderName, b.notify)
	options.Platforms = b.platforms
	if b.on, err = builders.Open(ctx, options); err != nil {
		return err
	}
	switch err = b.checkLoad(); {
	case err != nil:
	case len(b.on.Nodes) > 1:
		err = b.checkNodes()
	case b.engineBuilds():
		b.engine = docker.Of(b.on.Engine, waits)
		if b.classic() {
			err = b.checkClassic()
		}
	case b.loads() && b.attests():
		err = errors.New("--load takes no attestations from this builder: use --push, or -o type=oci,dest=FILE")
	case b.loads():
		if b.engine, err = ConnectEngine(ctx, waits); err != nil {
			err = fmt.Errorf("--load: %w: or use --push or -o type=docker,dest=FILE", err)
		}
	}
	if err == nil {
		err = b.checkEngine(ctx)
	}
	if err != nil {
		b.close()
	}
	return err
}

// checkLoad refuses to load several platforms where the image does not stay in the engine that
// builds it. Whether that keeps images in containerd, checkClassic asks.
func (b *builder) checkLoad() error {
	if !b.loads() || len(b.platforms) < 2 || b.engineBuilds() {
		return nil
	}
	return fmt.Errorf("--load takes one platform from this builder, and these were asked for: %s: build for one of them, use --push, or build on Docker Engine with the containerd image store",
		b.attrs["platform"])
}

// ConnectEngine connects to the Docker Engine that the docker command would use.
func ConnectEngine(ctx context.Context, waits *patience.Patience) (*docker.Engine, error) {
	api, err := builders.NewEngine()
	if err != nil {
		return nil, err
	}
	return docker.Connect(ctx, api, waits)
}

// engineBuilds says that the builder is a Docker Engine's own, classic that images leave it
// through the engine's store alone.
func (b *builder) engineBuilds() bool { return b.on != nil && b.on.Engine != nil }
func (b *builder) classic() bool      { return b.engineBuilds() && b.on.Classic }

func (b *builder) close() {
	if b.engine != nil {
		_ = b.engine.Close()
	}
	_ = b.on.Close()
}

// inOrder puts the outputs last whose digest counts. BuildKit v0.34.2 answers for all
// exporters in one map, where the last wins (runExporters in
// solver/llbsolver/export.go): the digest is to be that of the push, and the folder of an
// image gets its index by it, for which checkFolders wants the two to be the same.
func inOrder(outputs []output) []output {
	rank := func(o output) int {
		switch {
		case o.imageFolder():
			return 2
		case o.pushes():
			return 1
		}
		return 0
	}
	return slices.SortedStableFunc(slices.Values(outputs), func(a, b output) int { return rank(a) - rank(b) })
}

// exports are those of a node's BuildKit for one variant. The load is nil where nothing goes
// to Docker Engine.
func (b *builder) exports(ctx context.Context, n *node, res *Result) ([]client.ExportEntry, *imageLoad, error) {
	if b.dryRun {
		return nil, nil, nil
	}
	if b.classic() {
		entries, err := b.classicExports(res)
		return entries, nil, err
	}
	var entries []client.ExportEntry
	var load *imageLoad
	for _, o := range inOrder(b.outputs) {
		if o.pushes() {
			entries = append(entries, b.pushExports(o, res)...)
			continue
		}
		dest := o.destination(res.Image, len(b.images) > 1)
		entry, err := o.export(dest, res.Refs, b.streams)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case b.engineBuilds() && (o.loads() || o.stores()):
			// The shortest way: the image is in the store when it is built.
			entry.Type = exporterMoby
		case o.loads():
			load = newImageLoad()
			entry.Output = load.output(ctx, b.engine, b.guarded(res))
		}
		if dest != "" && o.kind != client.ExporterLocal && o.kind != client.ExporterTar && res.isProduction() {
			setReproducible(entry.Attrs)
		}
		if dest != "" && dest != "-" {
			res.Files = append(res.Files, dest)
		}
		entries = append(entries, entry)
	}
	return n.own(entries), load, nil
}

// guardOwn fails where a name of the Docker Engine that builds is not dlvgen's any more.
func (b *builder) guardOwn(ctx context.Context, res *Result) error {
	if !b.engineBuilds() || len(b.engineNames()) == 0 || res.isProduction() {
		return nil
	}
	return b.guardEngine(ctx, res.Refs)
}
