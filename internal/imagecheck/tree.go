package imagecheck

import (
	"archive/tar"
	"path"
	"slices"
	"strings"
)

// tree is the files that a container sees, folder by folder.
type tree struct {
	below map[string]*tree
	file  *file // nil for a folder that no layer has itself

	// before is what was there without the layers of dlvgen's, nil for nothing.
	before *file
	ours   bool // file is of a layer of dlvgen's

	// through are, at the root, the paths that layers write or take away below a link: runtimes
	// do that where the link leads.
	through []string
}

// flatten puts layers on each other.
func flatten(layers []*layer) *tree {
	root := &tree{}
	for _, l := range layers {
		// What a layer takes away is of those below it, wherever that stands in it.
		for _, p := range l.emptied {
			root.note(p + "/")
			if t := root.at(p); t != nil {
				t.below = nil
			}
		}
		for _, p := range l.hidden {
			root.note(p)
			root.remove(p)
		}
		for _, f := range l.files {
			root.note(f.path)
			root.add(f, l.ours)
		}
	}
	return root
}

// names are the parts of an absolute path.
func names(p string) []string {
	if p == "/" {
		return nil
	}
	return strings.Split(strings.TrimPrefix(p, "/"), "/")
}

// at is what has a path, nil for nothing.
func (t *tree) at(p string) *tree {
	for _, name := range names(p) {
		if t = t.below[name]; t == nil {
			return nil
		}
	}
	return t
}

// fileAt is the file of a path, nil for none. It follows no links.
func (t *tree) fileAt(p string) *file {
	if t = t.at(p); t == nil {
		return nil
	}
	return t.file
}

// note keeps a path that leads through a link.
func (t *tree) note(p string) {
	at := t
	for rest := p[1:]; at != nil; {
		if at.file != nil && at.file.kind == tar.TypeSymlink {
			t.through = append(t.through, p)
			return
		}
		name, below, more := strings.Cut(rest, "/")
		if !more {
			return
		}
		at, rest = at.below[name], below
	}
}

func (t *tree) remove(p string) {
	if parent := t.at(path.Dir(p)); parent != nil && p != "/" {
		delete(parent.below, path.Base(p))
	}
}

func (t *tree) add(f *file, ours bool) {
	if f.kind == tar.TypeLink {
		target := t.fileAt(f.link)
		if target == nil {
			target = f // of nothing, which no file equals
		}
		linked := *target
		linked.path = f.path
		f = &linked
	}
	for _, name := range names(f.path) {
		if t.below == nil {
			t.below = map[string]*tree{}
		}
		if t.below[name] == nil {
			t.below[name] = &tree{}
		}
		t = t.below[name]
	}
	if f.kind != tar.TypeDir {
		t.below = nil
	}
	t.file, t.ours = f, ours
	if !ours {
		t.before = f
	}
}

// changes are the paths of what layers take away from those below all of them.
func changes(layers []*layer) []string {
	var list []string
	for _, l := range layers {
		list = append(list, l.hidden...)
		for _, p := range l.emptied {
			list = append(list, p+"/")
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
