package shim

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// listVersioned lists what `go install PACKAGE@VERSION` compiled. go list takes
// no versions, so the installed program is asked which version of its module it
// is of, and the list is made in that version's folder of the module cache, on a
// copy of its go.mod. The result is the same: such a module must not have replace
// or exclude lines, and no other requirements take part in the choice.
//
// Patterns (./cmd/...@v1) and modules without a go.mod give an error, as the
// programs' names or the module's root can't be told.
func (b build) listVersioned(ctx context.Context) ([]goPackage, error) {
	var paths, targets []string
	for _, arg := range b.call.packages {
		path, _, _ := strings.Cut(arg, "@")
		if strings.Contains(path, "...") {
			return nil, errors.New("no record of go install with a pattern and a version: name the packages")
		}
		paths = append(paths, path)
		targets = append(targets, b.installTarget(path))
	}
	info, err := buildinfo.ReadFile(targets[0])
	if err != nil {
		return nil, fmt.Errorf("reading the build info of what was installed: %w", err)
	}
	dir := filepath.Join(b.facts.GOMODCACHE, escapeModule(info.Main.Path)+"@"+escapeModule(info.Main.Version))
	packages, err := b.listModuleCopy(ctx, dir, paths)
	if err != nil {
		return nil, err
	}
	for i, p := range packages {
		for j, path := range paths {
			if p.ImportPath == path && !p.DepOnly {
				packages[i].Target = targets[j]
			}
		}
	}
	return packages, nil
}

// installTarget is where go install puts the program of an import path: GOBIN,
// else bin of the first folder of GOPATH, below it GOOS_GOARCH for foreign ones.
func (b build) installTarget(importPath string) string {
	name := b.executable(goPackage{ImportPath: importPath})
	if b.facts.GOBIN != "" {
		return filepath.Join(b.facts.GOBIN, name)
	}
	first, _, _ := strings.Cut(b.facts.GOPATH, string(filepath.ListSeparator))
	plain := filepath.Join(first, "bin", name)
	if _, err := os.Stat(plain); err == nil {
		return plain
	}
	return filepath.Join(first, "bin", b.facts.GOOS+"_"+b.facts.GOARCH, name)
}

// listModuleCopy lists packages of the module in dir. The go.mod and go.sum that
// go list may complete are copies: the module cache is not ours to write.
func (b build) listModuleCopy(ctx context.Context, dir string, paths []string) ([]goPackage, error) {
	gomod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("reading the module of what was installed: %w", err)
	}
	temp, err := os.MkdirTemp("", "dlvgen-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(temp) }() // a step's /tmp is its own
	modfile := filepath.Join(temp, "go.mod")
	if err := os.WriteFile(modfile, gomod, fileMode); err != nil {
		return nil, err
	}
	b.call.chdir, b.call.packages = "", paths
	args := b.listArgs("-mod=mod", "-modfile="+modfile)
	return b.runList(ctx, dir, b.listEnviron().with("GOWORK", "off").with("GO111MODULE", "on"), args)
}

// escapeModule writes a module path or version as the module cache's folders
// have it: !a for A (golang.org/x/mod/module.EscapePath).
func escapeModule(path string) string {
	var b strings.Builder
	for _, r := range path {
		if 'A' <= r && r <= 'Z' {
			b.WriteByte('!')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
