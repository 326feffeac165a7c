package bakefile

import (
	"maps"
	"strings"

	"github.com/moby/buildkit/client"
)

// What stands in a text until it is HCL, for the variant's.
const (
	nameHole   = "@@variant.name@@"
	suffixHole = "@@variant.suffix@@"
)

// outputs are where the debug images of a target go: the places of production's, under
// names of their own, as `dlvgen build` gives them to several variants.
func (t *Target) outputs() []string {
	list := []string{}
	for _, e := range t.Outputs {
		e = maps.Clone(e)
		if e["push-by-digest"] != "true" { // which names a repository, and no tag
			delete(e, "name")
		}
		if dest := e["dest"]; dest != "" {
			e["dest"] = ownDestination(e, dest)
		}
		list = append(list, e.String())
	}
	return list
}

// ownDestination is a file with the variant's suffix, or a folder below the given one.
func ownDestination(e Entry, dest string) string {
	if e["type"] == client.ExporterLocal || e["type"] == "" || e["tar"] == "false" {
		return strings.TrimSuffix(dest, "/") + "/" + nameHole
	}
	base := dest[strings.LastIndexAny(dest, `/\`)+1:]
	dot := strings.LastIndex(base, ".")
	if dot <= 0 {
		return dest + suffixHole
	}
	if tar := strings.LastIndex(base[:dot], ".tar"); tar > 0 && tar+len(".tar") == dot {
		dot = tar // .tar.gz and its like are one extension
	}
	stem := dest[:len(dest)-len(base)+dot]
	return stem + suffixHole + base[dot:]
}

// caches are where the builds of debug images write their cache: into the image, if
// production does. Other places are production's alone.
func (t *Target) caches() []string {
	list := []string{}
	for _, e := range t.CacheTo {
		if e["type"] == "inline" {
			list = append(list, e.String())
		}
	}
	return list
}

// references are the production references of a target: its tags, else the names that an
// output pushes to.
func (t *Target) references() []string {
	if len(t.Tags) > 0 {
		return t.Tags
	}
	var names []string
	for _, e := range t.Outputs {
		if e["name"] == "" || e["push-by-digest"] == "true" {
			continue
		}
		for name := range strings.SplitSeq(e["name"], ",") {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}
