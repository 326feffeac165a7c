// Package mounts reads the table of a step's mounts, and tells dlvgen's own from the
// user's and the runtime's.
package mounts

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/layout"
)

// Table has the mount points of a mount namespace. Each has the path, in its own
// file system, of what it shows.
type Table map[string]string

// Read reads a table of the form that proc(5) describes: the first field is the
// mount's number, the fourth what it shows, and the fifth its mount point, with octal
// escapes.
func Read(path string) (Table, error) {
	points := make(Table)
	err := Each(path, func(m Mount) { points[m.Point] = m.Shown })
	return points, err
}

// Mount is a line of such a table.
type Mount struct{ ID, Shown, Point string }

// Each calls do with every mount in such a table.
func Each(path string, do func(Mount)) error {
	table, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) > 4 {
			do(Mount{ID: fields[0], Shown: unescape.Replace(fields[3]), Point: unescape.Replace(fields[4])})
		}
	}
	return nil
}

// Has tells whether something is mounted at a path.
func (t Table) Has(path string) bool {
	_, ok := t[filepath.Clean(path)]
	return ok
}

// Covers tells whether path is on a mount other than the root's. What doesn't
// exist yet is looked up by the part of the path that does.
func (t Table) Covers(path string) bool {
	for dir := Resolve(path); dir != "/" && dir != "."; dir = filepath.Dir(dir) {
		if t.Has(dir) {
			return true
		}
	}
	return false
}

// Resolve is a path without links, as far as there is something at it.
func Resolve(path string) string {
	path = filepath.Clean(path)
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(Resolve(parent), filepath.Base(path))
}

// Points are the mount points of a step below its root: those that production
// has not, and those that it has too.
type Points struct {
	Own, Others []string
}

// ReadPoints tells dlvgen's own mount points in a table from the user's and the
// runtime's: they lie in layout.Dir, stand over a program that is found below real, or
// show the folder of a cache of ours.
func ReadPoints(table, real string) (Points, error) {
	points, err := Read(table)
	if err != nil {
		return Points{}, err
	}
	var p Points
	for point, root := range points {
		switch {
		case point == "/":
		case IsWithin(point, filepath.Dir(real)), points.Has(real + point), strings.HasPrefix(filepath.Base(root), layout.CachePrefix):
			p.Own = append(p.Own, point)
		default:
			p.Others = append(p.Others, point)
		}
	}
	return p, nil
}

// IsOwn tells whether a mount point of dlvgen's is at the path.
func (p Points) IsOwn(path string) bool { return slices.Contains(p.Own, filepath.Clean(path)) }

// AnyWithin tells whether one of the mount points is the folder or lies in it.
func AnyWithin(points []string, folder string) bool {
	return slices.ContainsFunc(points, func(p string) bool { return IsWithin(p, folder) })
}

// IsWithin tells whether a clean path is the folder or lies in it.
func IsWithin(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}
