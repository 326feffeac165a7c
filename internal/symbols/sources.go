package symbols

import (
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/variants"
	"golang.org/x/mod/module"
)

// places leads from files in an image to the paths by which the debug information names
// them.
type places []place

type place struct{ at, root string }

// placesOf are those of a plan, the longest first.
func placesOf(rules []variants.PathRule) places {
	var list places
	for _, r := range rules {
		if r.Kind == variants.PathGOROOT || r.Root() == "" {
			continue // nothing is there, or the standard library, whose sources no image has
		}
		list = append(list, place{at: r.Root(), root: r.Path})
	}
	slices.SortStableFunc(list, func(a, b place) int { return len(b.at) - len(a.at) })
	return list
}

// name is the name of a source that is at an absolute path in the image, with the root that
// it is below, and false for another file.
func (p places) name(at string) (name, root string, ok bool) {
	for _, place := range p {
		rest, below := strings.CutPrefix(at, strings.TrimSuffix(place.at, "/")+"/")
		if !below {
			continue
		}
		if place.root == "" {
			return unescape(rest), place.root, true
		}
		return strings.TrimPrefix(path.Join(place.root, rest), "/"), place.root, true
	}
	return "", "", false
}

// unescape is the name that -trimpath gives to a file of a dependency: the module's path and
// version as they are, where the module cache has ! before lower-case letters.
func unescape(file string) string {
	escaped, rest, versioned := strings.Cut(file, "@")
	if !versioned {
		return file
	}
	version, rest, _ := strings.Cut(rest, "/")
	name, err := module.UnescapePath(escaped)
	if err != nil {
		return file
	}
	number, err := module.UnescapeVersion(version)
	if err != nil {
		return file
	}
	return path.Join(name+"@"+number, rest)
}
