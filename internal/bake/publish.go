package bake

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/moby/buildkit/client"
)

// move verifies what was pushed by digest, and moves the tags when all of it is in
// order.
func (b *builder) move(ctx context.Context, results []*Result) error {
	if !b.writes(output.pushes) {
		return nil
	}
	var pending []registry.Pending
	for _, res := range results {
		for _, ref := range res.Refs {
			pending = append(pending, registry.Pending{Ref: ref, Digest: res.Digest()})
		}
	}
	if err := b.registry.Move(ctx, pending); err != nil {
		return err
	}
	for _, res := range results {
		if !b.isIndex(res) {
			continue
		}
		if err := b.setPlatforms(ctx, res); err != nil {
			b.notify("warning: the digests of the platforms are not known: " + err.Error()) // the tags are in order
		}
	}
	return nil
}

// pushExports push a variant's image by digest to each of its repositories, those of
// insecure registries by an export of their own.
func (b *builder) pushExports(o output, res *Result) []client.ExportEntry {
	var entries []client.ExportEntry
	for _, insecure := range []bool{false, true} {
		refs := slices.DeleteFunc(slices.Clone(res.Refs), func(ref registry.Reference) bool { return ref.In(b.insecure) != insecure })
		var repositories []string
		for _, ref := range registry.Repositories(refs) {
			repositories = append(repositories, ref.Repository())
		}
		if len(repositories) == 0 {
			continue
		}
		attrs := maps.Clone(o.attrs)
		delete(attrs, "registry.insecure")
		attrs["name"] = strings.Join(repositories, ",")
		attrs["push"] = "true"
		attrs["push-by-digest"] = "true"
		attrs["store"] = "false" // a repository without a tag is no name for an image
		if insecure {
			attrs["registry.insecure"] = "true"
		}
		setDefaults(attrs)
		if res.isProduction() {
			setReproducible(attrs)
		}
		entries = append(entries, client.ExportEntry{Type: client.ExporterImage, Attrs: attrs})
	}
	return entries
}
