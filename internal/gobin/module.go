package gobin

import (
	"net/url"
	"runtime/debug"
	"strings"
)

// module decides which packages are the main module's.
type module struct {
	path   string   // of the module, or of the package where there is no module
	others []string // paths of the modules below path that are not it
}

// mainModule reads the main module from build information. Without a module (GOPATH
// mode, or files named on the command line) it is the main package and what is below it.
func mainModule(info *debug.BuildInfo) module {
	m := module{path: info.Main.Path}
	if m.path == "" && info.Path != "command-line-arguments" {
		m.path = info.Path
	}
	for _, dep := range info.Deps {
		if dep != nil && m.path != "" && below(dep.Path, m.path) {
			m.others = append(m.others, dep.Path)
		}
	}
	return m
}

// has says whether the compile unit of that name belongs to the main module. The
// linker names units after the package's import path, and the main package "main".
func (m module) has(unit string) bool {
	unit = unescape(unit)
	if unit == "main" {
		return true
	}
	// An external test of the module's root package, as go test -c compiles it.
	unit = strings.TrimSuffix(unit, "_test")
	if m.path == "" || !below(unit, m.path) {
		return false
	}
	for _, other := range m.others {
		if below(unit, other) {
			return false
		}
	}
	return !strings.Contains(unit[len(m.path):]+"/", "/vendor/")
}

// below says whether path is parent or lies under it.
func below(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}

// unescape undoes the linker's escapes in a package path: until Go 1.21 the dots of
// its last element are "%2e" (cmd/internal/objabi.PathToPrefix).
func unescape(name string) string {
	if path, err := url.PathUnescape(name); err == nil {
		return path
	}
	return name
}
