package cli

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
func (f *buildFlags) parseCaches(env environment) (from, to []client.CacheOptionsEntry, err error) {
	imports, err := typedCaches("--cache-from", f.cacheFrom, env)
	if err != nil {
		return nil, nil, err
	}
	if from, err = build.ParseImportCache(imports); err != nil {
		return nil, nil, fmt.Errorf("--cache-from is %q: %w", f.cacheFrom, err)
	}
	exports, err := typedCaches("--cache-to", f.cacheTo, env)
	if err != nil {
		return nil, nil, err
	}
	if to, err = build.ParseExportCache(exports); err != nil {
		return nil, nil, fmt.Errorf("--cache-to is %q: %w", f.cacheTo, err)
	}
	for _, e := range to {
		if _, known := cacheExporters[e.Type]; !known {
			types := slices.Sorted(maps.Keys(cacheExporters))
			return nil, nil, fmt.Errorf("--cache-to is %q: unknown type %q, did you mean %q? The types are %s",
				f.cacheTo, e.Type, variants.Nearest(e.Type, types), strings.Join(types, ", "))
		}
	}
	return from, to, nil
}

// cacheTag is a tag of a registry that a cache is written to.
type cacheTag struct {
	registry.Reference
	insecure bool // reached without verified TLS
}

func cacheTags(exports []client.CacheOptionsEntry) ([]cacheTag, error) {
	var tags []cacheTag
	for _, e := range exports {
		if cacheExporters[e.Type] != cacheInRegistry {
			continue
		}
		ref, err := registry.Parse(e.Attrs["ref"])
		if err != nil {
			return nil, fmt.Errorf("--cache-to: ref is %q: %w", e.Attrs["ref"], err)
		}
		insecure, err := strconv.ParseBool(e.Attrs["registry.insecure"])
		tags = append(tags, cacheTag{ref, err == nil && insecure})
	}
	return tags, nil
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

func typedCaches(flag string, list []string, env environment) ([]string, error) {
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
		if _, workflow := env.lookup("ACTIONS_RUNTIME_TOKEN"); kind == "gha" && attrs["token"] == "" && !workflow {
			continue
		}
		typed = append(typed, arg)
	}
	return typed, nil
}

// cacheExports are those of one variant: each image carries its own inline cache,
// any other cache is written by the first variant only, because they all write to
// the same place and share the steps that are worth keeping.
func cacheExports(all []client.CacheOptionsEntry, first bool) []client.CacheOptionsEntry {
	var list []client.CacheOptionsEntry
	for _, e := range all {
		if first || e.Type == "inline" {
			list = append(list, e)
		}
	}
	return list
}
