// Package manifest is what a compile step says of its builds, as the stand-in writes it
// and the derivation reads it.
package manifest

// Manifest records one call of the go command that compiled programs. It is
// written as JSON to layout.Capture/UID/layout.CaptureBuilds/ID.json, where ID is a
// hash of the call, so that the same call writes the same name.
type Manifest struct {
	// GoVersion as `go env GOVERSION` prints it: "go1.26.8".
	GoVersion string `json:"goVersion"`

	GOOS   string `json:"goos"`
	GOARCH string `json:"goarch"`

	// GOROOT, GOMODCACHE and GOPATH in effect: the roots of the paths in the
	// program's debug information.
	GOROOT     string `json:"goroot"`
	GOMODCACHE string `json:"gomodcache"`
	GOPATH     string `json:"gopath"`

	// Dir is the folder in which go ran, after -C.
	Dir string `json:"dir"`

	// ArgsBefore is the argument list as the user's step gave it, from the
	// subcommand on; ArgsAfter as it was run. The same for GOFLAGS. The values of the
	// linker's -X are redacted.
	ArgsBefore    []string `json:"argsBefore"`
	ArgsAfter     []string `json:"argsAfter"`
	GoflagsBefore string   `json:"goflagsBefore,omitempty"`
	GoflagsAfter  string   `json:"goflagsAfter,omitempty"`

	// Mode is how the call was compiled: one of the texts of layout.Mode.
	Mode string `json:"mode,omitempty"`

	// Trimpath tells whether the call, as it was run, had -trimpath.
	Trimpath bool `json:"trimpath,omitempty"`

	// Module is the main module's path, empty in GOPATH mode, and ModuleDir the
	// folder of its go.mod.
	Module    string `json:"module,omitempty"`
	ModuleDir string `json:"moduleDir,omitempty"`

	Programs []Program `json:"programs"`

	// Test is what became of the tests that were asked for, nil where none were.
	Test *Test `json:"test,omitempty"`

	// Sources counts the files captured by this call, LeftOut lists those that were
	// compiled and are not to be known.
	Sources int       `json:"sources"`
	LeftOut []LeftOut `json:"leftOut,omitempty"`
}

// LeftOut is a file that is not captured, and why.
type LeftOut struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Program is one main package that a call compiled.
type Program struct {
	ImportPath string `json:"importPath"`

	// Output is the absolute path of the binary, empty where go was told not to
	// keep it (-o /dev/null).
	Output string `json:"output,omitempty"`

	// BuildID is Go's build id of the output, as `go tool buildid` prints it.
	BuildID string `json:"buildID,omitempty"`

	// Symbols is the file of the program's debug information, relative to the root
	// of the capture, where it was kept aside: "symbols/0123abcd".
	Symbols string `json:"symbols,omitempty"`
}

// Test is the program that runs the tests of a package, compiled as a call compiled its
// own programs.
type Test struct {
	ImportPath string `json:"importPath"`

	// Missing says why there is no program, empty where there is one.
	Missing Missing `json:"missing,omitempty"`

	// Dir is the package's folder. File is the program, Data a folder with what its tests
	// find in Dir, at its absolute path. Both are relative to the root of the capture.
	Dir  string `json:"dir,omitempty"`
	File string `json:"file,omitempty"`
	Data string `json:"data,omitempty"`
}

// Missing is why there are no tests.
type Missing string

// The reasons.
const (
	// MissingPackage says that the call's module has no such package.
	MissingPackage Missing = "package"
	// MissingTests says that the package has no test files, or none for the call's tags and
	// platform.
	MissingTests Missing = "tests"
)
