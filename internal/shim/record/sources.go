package record

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sources lists the files that packages were compiled from, once each and
// sorted, with the go.mod, go.sum and go.work files that belong to them. The
// standard library is not listed.
func (b Build) sources(packages []goPackage) ([]source, error) {
	replaced, err := b.overlay()
	if err != nil {
		return nil, err
	}
	contentOf := func(path string) string { return cmp.Or(replaced[path], path) }
	read := func(path string) ([]byte, error) { return os.ReadFile(contentOf(path)) }
	paths := make(map[string]bool)
	for _, p := range packages {
		if p.Standard {
			continue
		}
		for _, file := range slices.Concat(p.files(), p.headers(read)) {
			// Absolute names are generated, such as a test's main file.
			if !filepath.IsAbs(file) && filepath.IsAbs(p.Dir) {
				paths[filepath.Join(p.Dir, file)] = true
			}
		}
	}
	for _, path := range b.moduleFiles(packages) {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			paths[path] = true
		}
	}
	sources := make([]source, 0, len(paths))
	for path := range paths {
		sources = append(sources, source{path: path, content: contentOf(path)})
	}
	slices.SortFunc(sources, func(a, b source) int { return strings.Compare(a.path, b.path) })
	return sources, nil
}

// moduleFiles lists files, existing or not, that tell what the modules of the
// packages are: the main modules' and local replacements' own, those that lie in
// the module cache beside the sources, the workspace's, and the list of what is
// vendored.
func (b Build) moduleFiles(packages []goPackage) []string {
	var files []string
	if work := b.Facts.GOWORK; work != "" && work != "off" {
		files = append(files, work, work+".sum")
	}
	seen := make(map[string]bool)
	for _, p := range packages {
		m := p.Module
		if p.Standard || m == nil || m.Dir == "" || seen[m.Dir] {
			continue
		}
		seen[m.Dir] = true
		files = append(files, filepath.Join(m.Dir, "go.mod"))
		if m.Main || m.Replace != nil {
			files = append(files, filepath.Join(m.Dir, "go.sum"), filepath.Join(m.Dir, "vendor", "modules.txt"))
		}
		if m.Replace != nil {
			m = m.Replace
		}
		if m.GoMod != "" && !strings.HasPrefix(m.GoMod, b.Facts.GOMODCACHE+"/") {
			files = append(files, m.GoMod)
		}
	}
	return files
}

// overlay reads the file of -overlay: which file stands in for which. A file
// that is replaced by nothing isn't compiled and so doesn't matter.
func (b Build) overlay() (map[string]string, error) {
	name := b.Rewrite.Flags.Last("overlay")
	if name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(b.abs(name))
	if err != nil {
		return nil, fmt.Errorf("reading the overlay: %w", err)
	}
	var overlay struct{ Replace map[string]string }
	if err := json.Unmarshal(data, &overlay); err != nil {
		return nil, fmt.Errorf("reading the overlay %s: %w", name, err)
	}
	replaced := make(map[string]string, len(overlay.Replace))
	for path, by := range overlay.Replace {
		replaced[b.abs(path)] = b.abs(by)
	}
	return replaced, nil
}

// abs resolves a path against the folder in which go ran.
func (b Build) abs(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(b.dir, path)
}
