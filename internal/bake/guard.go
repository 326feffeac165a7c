package bake

import (
	"context"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
)

// namespace is where a build may write a name.
type namespace int

const (
	inRegistry namespace = iota // an image's tag, which publish moves
	asCache                     // a build cache's tag in a registry
	inEngine                    // an image of Docker Engine
	inStore                     // an image of the store that BuildKit's worker may have
)

// names are all that a build writes to a namespace and that have to be dlvgen's: none in a
// dry run, and none of the production image, which is written over what its name has, as
// every build of it does. They derive from the parsed outputs and caches alone, whose
// attributes exporterAttrs and cacheExporters know.
func (r *Request) names(at namespace) []registry.Reference {
	var refs []registry.Reference
	switch {
	case r.dryRun:
		return nil
	case at == asCache:
		return r.cacheTags
	}
	for _, o := range r.outputs {
		if written, ok := o.namespace(); !ok || written != at {
			continue
		}
		for _, img := range r.images {
			if !img.isProduction() {
				refs = append(refs, img.Refs...)
			}
		}
	}
	return refs
}

// namespace is where the output writes the names of the images, false where it writes files
// only.
func (o output) namespace() (namespace, bool) {
	switch {
	case o.pushes():
		return inRegistry, true
	case o.loads():
		return inEngine, true
	case o.stores():
		return inStore, true
	}
	return 0, false
}

// guard asks for every name before anything is built, and fails where one is taken by
// what dlvgen did not make. guardEngine and guardStore do it where a builder is needed. A cache
// that is read need not be there, but its registry must answer: BuildKit waits for it
// without end, and lets no other build begin meanwhile.
func (b *builder) guard(ctx context.Context) error {
	for _, ref := range cachesIn(b.cacheFrom) {
		if err := b.registry.Answers(ctx, ref); err != nil {
			return fmt.Errorf("--cache-from: %w", err)
		}
	}
	for _, ref := range b.names(asCache) {
		if err := b.registry.GuardCache(ctx, ref); err != nil {
			return fmt.Errorf("--cache-to: %w", err)
		}
	}
	if err := b.registry.GuardAll(ctx, b.names(inRegistry)); err != nil {
		return err
	}
	if b.writes(output.pushes) {
		return b.registry.Remember(ctx, b.production...)
	}
	return nil
}

// guarded are the image's references that have to be dlvgen's where they exist.
func (r *Request) guarded(res *Result) []registry.Reference {
	if res.isProduction() || r.force {
		return nil
	}
	return res.Refs
}

// engineNames are all that a build writes to Docker Engine: its own builder stores images
// there.
func (b *builder) engineNames() []registry.Reference {
	names := b.names(inEngine)
	if b.engineBuilds() {
		names = append(names, b.names(inStore)...)
	}
	return names
}

// guardEngine does for names in Docker Engine what guard does for registries, when it is
// known which engine that is.
func (b *builder) guardEngine(ctx context.Context, names []registry.Reference) error {
	if b.force {
		return nil
	}
	for _, ref := range names {
		if err := guardEngine(ctx, b.engine, ref); err != nil {
			return err
		}
	}
	return nil
}

// guardEngine fails where the engine has an image of that name which dlvgen did not make.
func guardEngine(ctx context.Context, e *docker.Engine, ref registry.Reference) error {
	labels, has, err := e.Labels(ctx, ref.String())
	if err != nil || !has || variants.Ours(labels) {
		return err
	}
	return fmt.Errorf("Docker Engine has an image %s that was not made by dlvgen (it lacks the label %s): choose another --tag-suffix, overwrite it with --force, or remove it with `docker image rm %s`",
		ref.Familiar(), variants.LabelVersion, ref.Familiar())
}
