package record

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Dependencies are the packages that a call's programs import and that others may import
// too. Packages that only their own parents may import are left out: those compile them.
type Dependencies struct {
	Standard []string // of the standard library
	Modules  []string // of modules other than the main ones

	// ModuleDir is the folder of the main module, "" without one.
	ModuleDir string

	// Profiled is set where a program has a profile, by which what it imports is compiled.
	Profiled bool
}

// Dependencies lists them before the build. Modules are downloaded as the build would.
func (b Build) Dependencies(ctx context.Context) (Dependencies, error) {
	packages, err := b.runList(ctx, "", b.Env, b.listArgs())
	if err != nil {
		return Dependencies{}, err
	}
	var d Dependencies
	_, d.ModuleDir = mainModule(packages)
	for _, p := range packages {
		switch {
		case !p.DepOnly:
			_, err := os.Stat(filepath.Join(p.Dir, "default.pgo"))
			d.Profiled = d.Profiled || err == nil && p.Name == "main"
		case p.Name == "main" || p.ForTest != "" || isHidden(p.ImportPath):
		case p.Standard:
			d.Standard = append(d.Standard, p.ImportPath)
		case p.Module != nil && !p.Module.Main:
			d.Modules = append(d.Modules, p.ImportPath)
		}
	}
	return d, nil
}

// isHidden tells whether only some packages may import one, or the go command itself has it.
func isHidden(path string) bool {
	parts := strings.Split(path, "/")
	return slices.Contains(parts, "internal") || parts[0] == "vendor" || path == "unsafe" || path == "C"
}
