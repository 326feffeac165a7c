// Package gobin reads the facts of a Go program from its binary: who compiled it,
// how, and whether a debugger can work with it.
package gobin

import "runtime/debug"

// Facts are what a Go binary says of itself.
type Facts struct {
	// GoVersion is the toolchain that compiled it: "go1.26.8".
	GoVersion string `json:"goVersion"`

	// Info is the module information: main package, module, settings.
	Info *debug.BuildInfo `json:"info"`

	// BuildID is Go's build id.
	BuildID string `json:"buildID"`

	GOOS   string `json:"goos"`
	GOARCH string `json:"goarch"`

	// PIE is set for position-independent executables, Interpreter for dynamically linked ones.
	PIE         bool   `json:"pie"`
	Interpreter string `json:"interpreter,omitempty"`

	// DWARF is set where the binary has debug information, Symtab where it has a symbol table.
	DWARF  bool `json:"dwarf"`
	Symtab bool `json:"symtab"`

	// Units counts the main module's compile units, and Optimized names those of
	// them that were compiled without -N or without -l. The compiler clears -N
	// for some runtime packages, so other units are not looked at.
	Units     int      `json:"units"`
	Optimized []string `json:"optimized,omitempty"`
}
