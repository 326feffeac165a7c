package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// entry is a file or folder as it was seen last.
type entry struct {
	info   fs.FileInfo
	counts bool // false for a folder that only leads to files that do
}

// tree is a folder with what is in it that counts. What the system tells of it are hints where to
// look: what has changed is seen by comparing.
type tree struct {
	dir     string
	ignored ignored
	entries map[string]entry // by their paths in dir, with slashes
	dirs    folders

	// lost says that folders are gone since all were watched: see watchAgain.
	lost bool
}

// folders are those of which the system tells what happens in them.
type folders interface {
	add(dir string) error
	remove(dir string)
}

// newTree looks at all of a folder. dir is absolute, and no symbolic link leads to it.
func newTree(dir string, patterns []string, dirs folders) (*tree, error) {
	t := &tree{dir: dir, entries: map[string]entry{}, dirs: dirs}
	var err error
	if t.ignored, err = newIgnored(patterns); err != nil {
		return nil, err
	}
	return t, t.look(".", false, func(string) {})
}

// rel is the path of a file in the folder, and whether it is in it and may count.
func (t *tree) rel(name string) (string, bool) {
	rel, err := filepath.Rel(t.dir, name)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", false
	}
	rel = filepath.ToSlash(rel)
	for dir := path.Dir(rel); dir != "."; dir = path.Dir(dir) {
		if !t.ignored.leads(dir) {
			return "", false
		}
	}
	return rel, t.ignored.counts(rel) || t.ignored.leads(rel)
}

// look compares what is at a path with what was there. written says that a file was written to,
// and counts as changed whatever its size and time are.
func (t *tree) look(rel string, written bool, changed func(rel string)) error {
	name := filepath.Join(t.dir, rel)
	info, err := os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		if rel == "." {
			return fmt.Errorf("the folder %s is gone", t.dir)
		}
		t.gone(rel, changed)
		return nil
	case err != nil:
		return nil // the build says what cannot be read
	case info.IsDir():
		return t.lookInto(rel, info, changed)
	case !t.ignored.counts(rel):
		return nil
	}
	before, had := t.entries[rel]
	if had && before.info.IsDir() {
		t.gone(rel, changed)
	}
	t.entries[rel] = entry{info, true}
	if !had || written || !same(before.info, info) {
		changed(rel)
	}
	return nil
}

// same says that two looks at a file saw the same.
func same(a, b fs.FileInfo) bool {
	return a.Mode() == b.Mode() && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

// lookInto compares a folder: all of one that is new, and of one that was there what it lists.
// What happens in its own folders is told of these.
func (t *tree) lookInto(rel string, info fs.FileInfo, changed func(rel string)) error {
	if !t.ignored.leads(rel) {
		return nil
	}
	before, had := t.entries[rel]
	if had && !os.SameFile(before.info, info) { // a file, or another folder that was moved here
		t.gone(rel, changed)
		had = false
	}
	counts := t.ignored.counts(rel)
	t.entries[rel] = entry{info, counts}
	if counts && (!had || before.info.Mode() != info.Mode()) {
		changed(rel)
	}
	name := filepath.Join(t.dir, rel)
	if err := t.dirs.add(name); err != nil { // before the folder is read: nothing gets lost between
		if errors.Is(err, fs.ErrNotExist) {
			return nil // its end is the next hint
		}
		return err
	}
	list, err := os.ReadDir(name)
	if err != nil {
		return nil // as above
	}
	there := map[string]bool{}
	for _, one := range list {
		child := path.Join(rel, one.Name())
		there[child] = true
		if had && t.knows(child, one) {
			continue
		}
		if err := t.look(child, false, changed); err != nil {
			return err
		}
	}
	if had {
		t.without(rel, there, changed)
	}
	return nil
}

// knows says that a folder is the one that was there.
func (t *tree) knows(rel string, one fs.DirEntry) bool {
	known, ok := t.entries[rel]
	if !ok || !known.info.IsDir() || !one.IsDir() {
		return false
	}
	info, err := one.Info()
	return err == nil && os.SameFile(known.info, info)
}

// without removes what a folder had, and has no more.
func (t *tree) without(rel string, there map[string]bool, changed func(rel string)) {
	var gone []string
	for known := range t.entries {
		if known != "." && path.Dir(known) == rel && !there[known] {
			gone = append(gone, known)
		}
	}
	for _, one := range gone {
		t.gone(one, changed)
	}
}

// gone removes a file, or a folder with all in it.
func (t *tree) gone(rel string, changed func(rel string)) {
	top, had := t.entries[rel]
	if !had {
		return
	}
	delete(t.entries, rel)
	counted := top.counts
	if top.info.IsDir() {
		t.lost = true
		t.dirs.remove(filepath.Join(t.dir, rel))
		for known, e := range t.entries {
			if !strings.HasPrefix(known, rel+"/") {
				continue
			}
			counted = counted || e.counts
			if e.info.IsDir() {
				t.dirs.remove(filepath.Join(t.dir, known))
			}
			delete(t.entries, known)
		}
	}
	if counted {
		changed(rel)
	}
}

// watchAgain watches all folders again where some are gone. One that was moved within the tree
// has one watch under two names, and what was removed may have been that of its new name.
func (t *tree) watchAgain() error {
	if !t.lost {
		return nil
	}
	t.lost = false
	for known, e := range t.entries {
		if !e.info.IsDir() {
			continue
		}
		if err := t.dirs.add(filepath.Join(t.dir, known)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// lookAgain compares everything: the system has lost hints.
func (t *tree) lookAgain(changed func(rel string)) error {
	before := t.entries
	t.entries = map[string]entry{}
	if err := t.look(".", false, func(string) {}); err != nil {
		return err
	}
	for rel, e := range t.entries {
		old, had := before[rel]
		if e.counts && (!had || e.info.IsDir() != old.info.IsDir() || !e.info.IsDir() && !same(old.info, e.info)) {
			changed(rel)
		}
	}
	for rel, e := range before {
		if _, has := t.entries[rel]; has {
			continue
		}
		if e.info.IsDir() {
			t.dirs.remove(filepath.Join(t.dir, rel))
		}
		if e.counts {
			changed(rel)
		}
	}
	return nil
}
