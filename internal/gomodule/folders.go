package gomodule

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// source is where folders lie when a program is compiled.
const source = "/src"

// place is a folder that a go.mod or go.work leads to. absolute says that it does so by an
// absolute path: the folder must be there under its own name.
type place struct {
	dir      string
	absolute bool
}

// setFolders finds all folders that the module or its workspace is compiled from: beside
// its own, those of the other modules of the workspace and those of replace lines. What is
// not there is left out, since the go command minds only what it needs, and so is what is no
// module, which it never takes: no line can have any other folder sent.
func (m *Module) setFolders(mod *modfile.File, work *modfile.WorkFile) error {
	main, places := m.Root, placesIn(m.Root, mod.Replace)
	if work != nil {
		main = filepath.Dir(m.work)
		places = append(places, placesIn(main, work.Replace)...)
		for _, use := range work.Use {
			p := placeOf(main, use.Path)
			places = append(places, p)
			if used, err := readMod(p.dir); err == nil {
				places = append(places, placesIn(p.dir, used.Replace)...)
			}
		}
	}
	places = slices.DeleteFunc(places, func(p place) bool { return !isModule(p.dir) })
	for _, p := range places {
		if !p.absolute && within(main, p.dir) {
			main = p.dir // above the module, as of `replace example.com/app => ../..`
		}
	}
	return m.arrange(main, places)
}

// placesIn are where replace lines of a file in a folder lead to on this machine.
func placesIn(dir string, lines []*modfile.Replace) []place {
	var places []place
	for _, r := range lines {
		if r.New.Version == "" {
			places = append(places, placeOf(dir, r.New.Path))
		}
	}
	return places
}

func placeOf(dir, name string) place {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		return place{dir: filepath.Clean(name), absolute: true}
	}
	return place{dir: filepath.Join(dir, name)}
}

// arrange decides where each folder lies, so that the relative paths between them stay as
// they are on this machine.
func (m *Module) arrange(main string, places []place) error {
	var outside []place
	for _, p := range places {
		if p.absolute || !within(p.dir, main) {
			outside = append(outside, p)
		}
	}
	up := 0
	rels := make([]string, len(outside))
	for i, p := range outside {
		if p.absolute {
			continue
		}
		rel, err := filepath.Rel(main, p.dir)
		if err != nil {
			return fmt.Errorf("%s cannot be compiled with %s: %w", m.Root, p.dir, err)
		}
		rels[i] = filepath.ToSlash(rel)
		up = max(up, strings.Count(rels[i]+"/", "../"))
	}
	names := strings.Split(strings.Trim(filepath.ToSlash(main[len(filepath.VolumeName(main)):]), "/"), "/")
	at := path.Join(append([]string{source}, names[max(0, len(names)-up):]...)...)
	m.Folders = []Folder{{main, at}}
	for i, p := range outside {
		f := Folder{p.dir, path.Join(at, rels[i])}
		if p.absolute {
			if f.At = filepath.ToSlash(p.dir); !path.IsAbs(f.At) {
				return fmt.Errorf("%s is replaced by the absolute path %s, which Linux does not have: use a relative path", m.Root, p.dir)
			}
		}
		// What lies in another folder comes with that.
		if !slices.ContainsFunc(m.Folders, func(other Folder) bool { return other.At == f.At }) {
			m.Folders = append(m.Folders, f)
		}
	}
	return nil
}

// at is where a file or a folder of the module lies when the program is compiled.
func (m *Module) at(name string) string {
	rel, _ := filepath.Rel(m.Folders[0].Dir, name) // the module is in the first folder
	return path.Join(m.Folders[0].At, filepath.ToSlash(rel))
}

// inContext is a file or a folder of the module as the first folder has it.
func (m *Module) inContext(name string) string {
	rel, _ := filepath.Rel(m.Folders[0].Dir, name)
	return filepath.ToSlash(rel)
}

// within says that a folder is another one, or lies in it.
func within(dir, in string) bool {
	rel, err := filepath.Rel(in, dir)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// isModule says that a folder has a go.mod.
func isModule(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil && info.Mode().IsRegular()
}

func isFolder(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}
