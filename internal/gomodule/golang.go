package gomodule

import (
	"fmt"
	"go/version"
	"strings"

	"golang.org/x/mod/modfile"
)

// oldest is the first release of Go whose programs Delve's versions here can debug.
const oldest = "go1.16"

// release is the one that compiles a module: the newest that the go and toolchain lines of
// go.mod and go.work name, as the go command has it.
func release(mod *modfile.File, work *modfile.WorkFile) (string, error) {
	var named []string
	add := func(line *modfile.Go, toolchain *modfile.Toolchain) {
		if line != nil {
			named = append(named, "go"+line.Version)
		}
		if toolchain != nil {
			name, _, _ := strings.Cut(toolchain.Name, "-") // go1.26.3-vendor
			named = append(named, name)
		}
	}
	add(mod.Go, mod.Toolchain)
	if work != nil {
		add(work.Go, work.Toolchain)
	}
	newest := ""
	for _, name := range named {
		if version.IsValid(name) && version.Compare(name, newest) > 0 { // "default" is not valid
			newest = name
		}
	}
	switch {
	case newest == "":
		return "", fmt.Errorf("%s has no go line, which says the Go that compiles it: add one with `go mod edit -go=1.26`", mod.Syntax.Name)
	case version.Compare(newest, oldest) < 0:
		return "", fmt.Errorf("%s names Go %s, and %s is the oldest that can be debugged: name a newer one with `go mod edit -go=1.26`",
			mod.Syntax.Name, strings.TrimPrefix(newest, "go"), strings.TrimPrefix(oldest, "go"))
	}
	return strings.TrimPrefix(newest, "go"), nil
}

// image is the image with Go.
func (m *Module) image() string { return "golang:" + m.Go }
