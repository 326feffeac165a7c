package imagecheck

import (
	"archive/tar"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dlvgen/dlvgen/variants"
)

// difference is a path that is not as the plan announces it.
type difference struct{ path, how string }

func (d difference) String() string { return d.path + " " + d.how }

// comparison compares the files of an image with production's.
type comparison struct {
	plan *variants.Plan
	list []difference

	// open says that the layers below decide, which were not read. compared are the paths
	// of production, compiled its other programs that were compiled for debugging too.
	open               bool
	compared, compiled int
}

// checkFiles compares all files with those of production.
func (c *contents) checkFiles() (Check, error) {
	const name = "files"
	if c.production == nil {
		return Check{Name: name, Result: NotChecked, Detail: "name the production image with --production"}, nil
	}
	found := c.compare()
	if found.open && c.base > 0 {
		if err := c.readBase(); err != nil {
			return Check{}, err
		}
		found = c.compare()
	}
	var all []string
	for _, d := range found.list {
		if c.blamed[d.path] {
			continue
		}
		c.blamed[d.path] = true
		all = append(all, d.String())
	}
	if len(all) > 1 {
		return failed(name, "%s, and %d more", all[0], len(all)-1).with(all), nil
	}
	if len(all) == 1 {
		return failed(name, "%s", all[0]).with(all), nil
	}
	if c.plan.Request.Variant.Kind == variants.KindSidecar {
		return passed(name, "a sidecar has none of production's, and no other that the plan does not announce"), nil
	}
	more := ""
	if found.compiled > 0 {
		more = fmt.Sprintf("; other programs compiled for debugging too: %d", found.compiled)
	}
	if c.base > 0 {
		return passed(name, "as in production, but for what the plan announces (%d compared; shared layers not read: %d)%s", found.compared, c.base, more), nil
	}
	return passed(name, "as in production, but for what the plan announces (%d compared)%s", found.compared, more), nil
}

func (c *contents) compare() *comparison {
	found := &comparison{plan: c.plan}
	var production *tree
	if c.plan.Request.Variant.Kind != variants.KindSidecar {
		production = c.production.tree
	}
	theirs := map[string]bool{}
	if production != nil {
		for _, p := range production.through {
			theirs[p] = true
		}
	}
	for _, p := range c.tree.through {
		if !theirs[p] {
			found.add(p, "is written through a link")
			break
		}
	}
	if production == nil {
		found.walk("/", c.tree, nil)
		return found
	}
	found.open = !slices.Equal(changes(c.read[c.base:]), changes(c.production.read[c.base:]))
	found.walk("/", c.tree, production)
	return found
}

// seen is what a container sees at a place: folders that no layer has are made.
func (t *tree) seen() *file {
	switch {
	case t == nil:
		return nil
	case t.file == nil:
		return &file{kind: tar.TypeDir, mode: 0o755}
	}
	return t.file
}

// walk compares a path, and those below it. Both are nil where there is no such path.
func (f *comparison) walk(p string, debug, production *tree) {
	got, want := debug.seen(), production.seen()
	folder := got != nil && got.kind == tar.TypeDir || got == nil && want.kind == tar.TypeDir
	announced := f.plan.Announces(p, folder)
	if got != nil && !got.mayBe(announced) {
		announced = variants.Unannounced
	}
	cached := announced == variants.AnnouncedCache
	if announced == variants.AnnouncedAdded || cached && !folder {
		return
	}
	f.open = f.open || (got == nil || want == nil) && p != "/"
	if want != nil {
		f.compared++
	}
	switch {
	case got == nil && (cached || announced == variants.AnnouncedModule):
		// What is below is for itself.
	case got == nil:
		f.add(p, "is missing")
		return
	case want == nil && announced != variants.AnnouncedSource && !cached && debug.file != nil && p != "/":
		f.add(p, "is not in production")
		return
	case want != nil && !cached:
		f.same(p, debug, got, want, announced)
	}
	ours, theirs := debug.children(), production.children()
	names := slices.Collect(maps.Keys(ours))
	for name := range theirs {
		if ours[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		f.walk(path.Join(p, name), ours[name], theirs[name])
	}
}

func (t *tree) children() map[string]*tree {
	if t == nil {
		return nil
	}
	return t.below
}

// mayBe says that a file can be what the go command left, or a source: no device, and nothing
// that gives rights to who runs it.
func (f *file) mayBe(announced variants.Announcement) bool {
	const setID = 0o6000
	switch {
	case announced != variants.AnnouncedCache && announced != variants.AnnouncedSource, f.kind == tar.TypeDir:
		return true
	case f.kind == tar.TypeSymlink:
		return announced == variants.AnnouncedSource
	}
	return f.kind == tar.TypeReg && f.mode&setID == 0 && !strings.Contains(f.xattrs, "security.capability=")
}

func (f *comparison) add(p, how string, args ...any) {
	f.list = append(f.list, difference{p, short(fmt.Sprintf(how, args...))})
}

// same compares what both have at a path.
func (f *comparison) same(p string, debug *tree, got, want *file, announced variants.Announcement) {
	switch {
	case got.what() != want.what():
		f.add(p, "is %s, and in production %s", got.what(), want.what())
		return
	case announced == variants.AnnouncedProgram:
		return
	case got.sum != want.sum:
		if f.isCompiled(got.program, want.program) {
			f.compiled++
			return
		}
		f.add(p, "has another content than in production")
		return
	}
	source := announced == variants.AnnouncedSource && got.kind != tar.TypeDir
	if before := debug.before; debug.ours && before != nil && before.modified != got.modified && !source {
		at := func(nanoseconds int64) string { return time.Unix(0, nanoseconds).UTC().Format(time.RFC3339Nano) }
		f.add(p, "is of %s, and in production of %s", at(got.modified), at(before.modified))
	}
}

// isCompiled says that a program is production's, compiled for debugging: the steps compile
// all programs so.
func (f *comparison) isCompiled(got, want *program) bool {
	return got != nil && want != nil && got.importPath == want.importPath && got.module == want.module && (got.debuggable || f.plan.Request.Optimize)
}
