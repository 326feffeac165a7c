package cli

import (
	"context"
	"maps"
	"strings"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/internal/version"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client"
)

// newRegistryClient returns the client for all registries of one call. insecure are
// those that may be reached without verified TLS, HOST[:PORT].
func newRegistryClient(p *patience.Patience, insecure []string, production ...registry.Reference) *registry.Client {
	return registry.New(variants.LabelVersion,
		registry.WithPatience(p), registry.WithUserAgent("dlvgen/"+version.Version()),
		registry.WithInsecure(insecure...), registry.WithProduction(production...))
}

// move verifies what was pushed by digest, and moves the tags when all of it is in
// order.
func (b *builder) move(ctx context.Context, results []*result) error {
	if len(b.names(inRegistry)) == 0 {
		return nil
	}
	var pending []registry.Pending
	for _, res := range results {
		for _, ref := range res.refs {
			pending = append(pending, registry.Pending{Ref: ref, Digest: res.digest()})
		}
	}
	return b.registry.Move(ctx, pending)
}

// pushExports push a variant's image by digest to each of its repositories, those of
// insecure registries by an export of their own.
func (b *builder) pushExports(o output, res *result) []client.ExportEntry {
	var entries []client.ExportEntry
	for _, insecure := range []bool{false, true} {
		var repositories []string
		seen := map[registry.Key]bool{}
		for _, ref := range res.refs {
			if key := ref.Key().Repository(); ref.In(b.insecure) == insecure && !seen[key] {
				seen[key] = true
				repositories = append(repositories, ref.Repository())
			}
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
		entries = append(entries, client.ExportEntry{Type: client.ExporterImage, Attrs: attrs})
	}
	return entries
}
