package imagecheck

import (
	"archive/tar"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/variants"
	"golang.org/x/mod/module"
)

// checkSources wants sources in no layer of dlvgen's where they are excluded, and each file
// that the debug information names where they are baked.
func (c *contents) checkSources() (Check, error) {
	const name = "sources"
	if c.plan.Request.Variant.Sources == variants.SourcesExcluded {
		for _, f := range c.added() {
			if c.isSource(f.file) {
				c.blamed[f.path] = true
				return failed(name, "they are excluded, and a layer has %s", f.path), nil
			}
		}
	}
	switch {
	case c.debug == nil:
		return Check{Name: name, Result: NotChecked, Detail: "the debug information of " + programOf(c.plan) + " is not that of the program"}, nil
	case c.plan.Request.Variant.Sources == variants.SourcesExcluded:
		return passed(name, "excluded: no layer that dlvgen added has any"), nil
	}
	found, err := c.findSources()
	if err != nil {
		return Check{}, err
	}
	switch {
	case len(found.missing) > 0:
		return failed(name, "the image lacks files that the debug information names (%d of %d), such as %s", len(found.missing), found.all, found.missing[0]).with(found.missing), nil
	case len(found.short) > 0:
		return failed(name, "%s has fewer lines than the debug information says", found.short[0]).with(found.short), nil
	case found.all == 0:
		return failed(name, "the debug information names no file of the main module"), nil
	}
	return passed(name, "baked: the image has all files that the debug information names (%d)", found.all), nil
}

// isSource tells whether a file of a layer is a source, by its name, by the debug
// information or by how it begins.
func (c *contents) isSource(f *file) bool {
	if f.kind == tar.TypeDir || c.plan.IsTestdata(f.path, false) {
		return false
	}
	if c.debug != nil {
		if _, named := c.debug.files[f.path]; named {
			return true
		}
	}
	return variants.SourceName(f.path) || f.contents.goSource
}

// sources are what became of the files that the debug information names.
type sources struct {
	missing, short []string // sorted
	all            int
}

// findSources looks for the files of modules in the image.
func (c *contents) findSources() (sources, error) {
	found := c.lookForSources()
	if len(found.missing) == 0 || c.base == 0 {
		return found, nil
	}
	err := c.readBase()
	return c.lookForSources(), err
}

func (c *contents) lookForSources() sources {
	var found sources
	for file, line := range c.debug.files {
		at := c.bakedAt(file)
		leftOut := slices.ContainsFunc(c.plan.LeftOut, func(l variants.LeftOut) bool { return l.Path == at })
		if at == "" || leftOut || strings.HasPrefix(path.Base(file), "_cgo_") {
			continue
		}
		found.all++
		switch f := c.tree.fileAt(at); {
		case f == nil:
			found.missing = append(found.missing, file)
		case f.kind == tar.TypeReg && f.contents.lines < int64(line):
			found.short = append(found.short, file)
		}
	}
	slices.Sort(found.missing)
	slices.Sort(found.short)
	return found
}

// ofMainModule tells whether the debug information names a Go file of the main module so.
func (c *contents) ofMainModule(file string) bool {
	return strings.HasSuffix(file, ".go") && slices.ContainsFunc(c.plan.Paths, func(r variants.PathRule) bool {
		return r.Kind == variants.PathModule && r.Path != "" && strings.HasPrefix(file, r.Path+"/")
	})
}

// bakedAt is where the image has a Go file that the debug information names so, empty for
// the standard library's and for what the compiler made.
func (c *contents) bakedAt(file string) string {
	if !strings.HasSuffix(file, ".go") {
		return ""
	}
	for _, r := range c.plan.Paths {
		below, ok := strings.CutPrefix(file, r.Path+"/")
		switch {
		case r.Kind == variants.PathGOROOT && ok && r.Path != "":
			return ""
		case r.Kind == variants.PathModCache && r.Path == "" && r.Source != "" && strings.Contains(file, "@"):
			return path.Join(r.Source, escaped(file))
		case ok && r.Path != "" && r.Source != "":
			return path.Join(r.Source, below)
		case ok && r.Path != "":
			return file
		}
	}
	if slices.ContainsFunc(c.plan.Sources, func(root string) bool { return file == root || strings.HasPrefix(file, root+"/") }) {
		return file
	}
	return ""
}

// escaped is where the module cache has a file of -trimpath: "github.com/!burnt!sushi".
func escaped(file string) string {
	name, rest, _ := strings.Cut(file, "@")
	if e, err := module.EscapePath(name); err == nil {
		name = e
	}
	version, below, _ := strings.Cut(rest, "/")
	if e, err := module.EscapeVersion(version); err == nil {
		version = e
	}
	return name + "@" + version + "/" + below
}
