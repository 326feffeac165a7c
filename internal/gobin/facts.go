// Package gobin reads the facts of a Go program from its binary: who compiled it,
// how, and whether a debugger can work with it.
//
// It takes any io.ReaderAt and reads little of it: headers, the build information,
// the build id, and of the debug information the compile units, the first of them where
// they tell enough. A remote file is best wrapped in a [BlockReader].
package gobin

import "runtime/debug"

// Facts are what a Go binary says of itself.
type Facts struct {
	// GoVersion is the toolchain that compiled it: "go1.26.8". Development versions
	// and experiments follow the toolchain's own form: "devel go1.27-0123abc",
	// "go1.26.8 X:jsonv2".
	GoVersion string `json:"goVersion"`

	// Info is the module information: main package, module, settings. It is never nil.
	// Settings are empty before Go 1.18, Main.Path outside modules.
	Info *debug.BuildInfo `json:"info"`

	// BuildID is Go's build id, empty if the linker was told to leave it out.
	BuildID string `json:"buildID"`

	// GOOS and GOARCH come from the build settings, before Go 1.18 from the ELF header.
	GOOS   string `json:"goos"`
	GOARCH string `json:"goarch"`

	// Interpreter is set for dynamically linked executables.
	Interpreter string `json:"interpreter,omitempty"`

	// DWARF is set where the binary has debug information of Go code (that of C code
	// alone, which a cgo program keeps under -ldflags=-w, does not count). Symtab is
	// set where it has a symbol table.
	DWARF  bool `json:"dwarf"`
	Symtab bool `json:"symtab"`

	// Unoptimized is set where the build settings say that every package was given -N
	// -l, and the first compile unit that can agree does. The other units, megabytes in
	// a large program, are then not looked at.
	Unoptimized bool `json:"unoptimized"`

	// Units counts the main module's compile units that were looked at, one for each
	// package, and Optimized names those of them, sorted, that were compiled without -N
	// or without -l. The compiler clears -N for some runtime packages, so other units do
	// not count.
	Units     int      `json:"units"`
	Optimized []string `json:"optimized,omitempty"`
}
