package bake

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/cmd/buildctl/build"
)

// parseCaches reads --cache-from and --cache-to in buildx's syntax: what is no
// type=... is a list of references.
func (o Options) parseCaches(env Environment) (from, to []client.CacheOptionsEntry, err error) {
	imports, err := typedCaches("--cache-from", o.CacheFrom, env)
	if err != nil {
		return nil, nil, err
	}
	if from, err = build.ParseImportCache(imports); err != nil {
		return nil, nil, fmt.Errorf("--cache-from is %q: %w", o.CacheFrom, err)
	}
	exports, err := typedCaches("--cache-to", o.CacheTo, env)
	if err != nil {
		return nil, nil, err
	}
	if to, err = build.ParseExportCache(exports); err != nil {
		return nil, nil, fmt.Errorf("--cache-to is %q: %w", o.CacheTo, err)
	}
	for _, e := range to {
		if _, known := cacheExporters[e.Type]; !known {
			types := slices.Sorted(maps.Keys(cacheExporters))
			return nil, nil, fmt.Errorf("--cache-to is %q: unknown type %q, did you mean %q? The types are %s",
				o.CacheTo, e.Type, variants.Nearest(e.Type, types), strings.Join(types, ", "))
		}
	}
	return from, to, nil
}

// setCacheTags reads which tags of registries caches are written to, and refuses to put
// a cache in the place of an image of this call. taken says what each name is.
func (r *Request) setCacheTags(taken map[registry.Key]string) error {
	for _, e := range r.cacheTo {
		if cacheExporters[e.Type] != cacheInRegistry {
			continue
		}
		ref, err := registry.Parse(e.Attrs["ref"])
		if err != nil {
			return fmt.Errorf("--cache-to: ref is %q: %w", e.Attrs["ref"], err)
		}
		if what := taken[ref.Key()]; what != "" {
			return fmt.Errorf("--cache-to writes to %s, which is %s: give the cache a reference of its own, such as %s:buildcache", ref.Familiar(), what, ref.Repository())
		}
		r.cacheTags = append(r.cacheTags, ref)
		if insecure, err := strconv.ParseBool(e.Attrs["registry.insecure"]); err == nil && insecure {
			r.insecure = append(r.insecure, ref.Host())
		}
	}
	return nil
}

// cachesIn are the tags of registries that caches are read from. What is no reference is
// left to BuildKit, which warns of a cache that it cannot read.
func cachesIn(imports []client.CacheOptionsEntry) []registry.Reference {
	var refs []registry.Reference
	for _, e := range imports {
		if ref, err := registry.Parse(e.Attrs["ref"]); err == nil && e.Type == "registry" {
			refs = append(refs, ref)
		}
	}
	return refs
}

func typedCaches(flag string, list []string, env Environment) ([]string, error) {
	var typed []string
	for _, arg := range list {
		if !strings.Contains(arg, "=") {
			for ref := range strings.SplitSeq(arg, ",") {
				typed = append(typed, "type=registry,ref="+ref)
			}
			continue
		}
		kind, attrs, err := parseTyped(flag, arg)
		if err != nil {
			return nil, err
		}
		// Outside a workflow there is no GitHub cache: buildx ignores it, too.
		if _, workflow := env.Lookup("ACTIONS_RUNTIME_TOKEN"); kind == "gha" && attrs["token"] == "" && !workflow {
			continue
		}
		typed = append(typed, arg)
	}
	return typed, nil
}

// cacheExports are those of one image: each carries its own inline cache, any other
// cache is written by the first image only, because they all write to the same place and
// share the steps that are worth keeping. A dry run has none.
func (r *Request) cacheExports(img Image) []client.CacheOptionsEntry {
	var list []client.CacheOptionsEntry
	for _, e := range r.cacheTo {
		if !r.dryRun && (img.Preset == r.images[0].Preset || e.Type == "inline") {
			list = append(list, e)
		}
	}
	return list
}
