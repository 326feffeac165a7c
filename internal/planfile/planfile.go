// Package planfile reads plans of debug images where the standard library is all there is:
// in the programs of the images. Package variants writes plans, and a test compares.
package planfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// Format is the format of plans and labels. It grows when a reader of the older one would
// take what is written for something else, and not when something is added.
const Format = 1

// ErrNewer is that of a plan of a later format.
var ErrNewer = errors.New("this dlvgen does not know its format")

// Plan is what the programs read of the plan at layout.Plan, which has more keys.
type Plan struct {
	Request struct {
		Variant struct {
			Kind string `json:"kind"`
		} `json:"variant"`

		// Start is "hold" or "continue".
		Start string `json:"start"`

		// Entry is "cmd", or "inplace" for an image with a launcher.
		Entry string `json:"entry"`
	} `json:"request"`

	// Production is how the production image starts.
	Production struct {
		Entrypoint []string `json:"entrypoint"`
		Cmd        []string `json:"cmd"`
	} `json:"production"`

	// Program is the one that the image was made for.
	Program struct {
		// Path is absolute, as production names it.
		Path string `json:"path"`

		// Real leads to the program where a launcher stands in its place.
		Real string `json:"real"`

		Args []string `json:"args"`

		// ImportPath is that of the main package.
		ImportPath string `json:"importPath"`

		// BuildID is Go's build id of the program compiled for debugging.
		BuildID string `json:"buildID"`
	} `json:"program"`

	// Symbols are those of the production program, nil if there are none.
	Symbols *Symbols `json:"symbols"`

	// Prefix are launchers of others in front of init, such as tini.
	Prefix []string `json:"prefix"`

	// Debugger is Delve's command line up to its own command.
	Debugger []string `json:"debugger"`

	// Command is the CMD of the debug image: Delve, its flags, "exec", the
	// program, "--", the program's arguments.
	Command []string `json:"command"`
}

// Symbols is the debug information of a production program.
type Symbols struct {
	// File has the debug information.
	File string `json:"file"`

	// BuildID is Go's build id of the production program.
	BuildID string `json:"buildID"`

	// Sections has the SHA-256 of each section of the production program that decides
	// whether File describes a program (gobin.Sections).
	Sections map[string]string `json:"sections"`
}

// Read reads the plan at path.
func Read(path string) (Plan, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Plan{}, fmt.Errorf("reading the plan: %w", err)
	}
	var p Plan
	if err := Decode(data, &p); err != nil {
		return Plan{}, fmt.Errorf("reading the plan at %s: %w", path, err)
	}
	return p, nil
}

// Decode reads a plan into a value for its JSON. The error for a plan of a later format
// says which dlvgen to use, and is an [ErrNewer].
func Decode(data []byte, plan any) error {
	var made struct {
		Format  int    `json:"format"`
		Version string `json:"version"`
	}
	if err := json.Unmarshal(data, &made); err != nil {
		return err
	}
	if made.Format > Format {
		return fmt.Errorf("%w, %d: use the dlvgen that derived the image, %q", ErrNewer, made.Format, made.Version)
	}
	return json.Unmarshal(data, plan)
}
