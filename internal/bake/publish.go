package bake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/internal/version"
	"github.com/moby/buildkit/client"
)

// move verifies what was pushed by digest, and moves the tags when all of it is in
// order.
func (b *builder) move(ctx context.Context, results []*Result) error {
	if !b.writes(output.pushes) {
		return nil
	}
	attached, err := b.registry.Move(ctx, b.pending(results))
	for _, res := range results {
		for _, a := range attached {
			if slices.ContainsFunc(res.Refs, func(ref registry.Reference) bool { return ref.Key() == a.Debug.Key() }) {
				res.Attached = append(res.Attached, a)
			}
		}
	}
	if err != nil {
		return err
	}
	b.tellUnlinked(attached)
	b.tellPrereleases(results)
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

// pending are the tags, and those of debug images with the production tag that they derive
// from. Where the call made the production image, or was given it, they belong to that,
// whatever the tag names by now.
func (b *builder) pending(results []*Result) []registry.Pending {
	made := ""
	for _, res := range results {
		if res.isProduction() {
			made = res.Digest()
		}
	}
	var list []registry.Pending
	for _, res := range results {
		for i, ref := range res.Refs {
			one := registry.Pending{Ref: ref, Digest: res.Digest()}
			if !res.isProduction() {
				digest := made
				if p, ok := b.source.(*published); ok {
					digest = p.linked(b.production[i])
				}
				one.Link = registry.Link{
					ProductionTag: b.production[i].Tag(), ProductionRepository: ref.Other(b.production[i]), ProductionDigest: digest,
					Variant: res.Variant.Name, Preset: res.Preset, Version: version.Version(), Options: res.options,
				}
			}
			list = append(list, one)
		}
	}
	return list
}

// tellUnlinked says which images a registry does not have beside production, and what to do.
func (b *builder) tellUnlinked(attached []registry.Attachment) {
	missing := map[registry.Key][]string{}
	for _, a := range attached {
		if errors.Is(a.Err, registry.ErrNoProduction) {
			missing[a.Production.Key()] = append(missing[a.Production.Key()], a.Debug.Familiar())
		}
	}
	for _, a := range attached {
		key := a.Production.Key()
		switch {
		case missing[key] != nil:
			b.notify(fmt.Sprintf("%s is not in the registry, so nothing links it with its debug images: after it is pushed, run `dlvgen attach %s`",
				a.Production.Familiar(), strings.Join(missing[key], " ")))
			delete(missing, key)
		case a.Err != nil && !errors.Is(a.Err, registry.ErrNoProduction):
			b.notify(fmt.Sprintf("warning: %s is pushed, and not linked with %s: %s", a.Debug.Familiar(), a.Production.Familiar(), a.Err))
		}
	}
}

// tellPrereleases warns once of tags that look like versions.
func (b *builder) tellPrereleases(results []*Result) {
	for _, res := range results {
		for i, ref := range res.Refs {
			if production := b.production[i].Tag(); ref.Other(b.production[i]) == "" && registry.IsPrerelease(production, ref.Tag()) {
				b.prerelease.Do(func() { b.notify(PrereleaseWarning(production, ref.Tag())) })
				return
			}
		}
	}
}

// PrereleaseWarning says why a debug tag may be deployed by mistake.
func PrereleaseWarning(production, debug string) string {
	return fmt.Sprintf("warning: tools that update images may take %s for a prerelease of %s: filter their tags (docs/registry.md), or use suffixes such as --tag-suffix remote=_debug",
		debug, production)
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
