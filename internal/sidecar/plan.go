package sidecar

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// kindSidecar is variants.KindSidecar.
const kindSidecar = "sidecar"

// Planned tells whether the plan at path is that of a sidecar.
func Planned(path string) bool {
	p, err := readPlan(path)
	return err == nil && p.Request.Variant.Kind == kindSidecar
}

// plan is what this package reads of the plan at layout.Plan, which has more keys.
type plan struct {
	Request struct {
		Variant struct {
			Kind string `json:"kind"`
		} `json:"variant"`
	} `json:"request"`

	// Program is the one that the image was made for.
	Program struct {
		// Path is absolute, as production names it.
		Path string `json:"path"`

		// ImportPath is that of the main package.
		ImportPath string `json:"importPath"`

		// BuildID is Go's build id of the program compiled for debugging.
		BuildID string `json:"buildID"`
	} `json:"program"`

	// Symbols are those of the production program, nil if there are none.
	Symbols *symbols `json:"symbols"`

	// Debugger is Delve's command line up to its own command.
	Debugger []string `json:"debugger"`
}

// symbols is the debug information of a production program.
type symbols struct {
	// File has the debug information.
	File string `json:"file"`

	// BuildID is Go's build id of the production program.
	BuildID string `json:"buildID"`

	// Sections has the SHA-256 of each section of the production program that decides
	// whether File describes a program (gobin.Sections).
	Sections map[string]string `json:"sections"`
}

// readPlan reads the plan at path.
func readPlan(path string) (plan, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return plan{}, fmt.Errorf("reading the plan: %w", err)
	}
	var p plan
	if err := json.Unmarshal(data, &p); err != nil {
		return plan{}, fmt.Errorf("reading the plan at %s: %w", path, err)
	}
	if len(p.Debugger) == 0 {
		return plan{}, errors.New("reading the plan at " + path + ": it names no debugger")
	}
	return p, nil
}

// knows tells whether a build id is that of the program as it was compiled for
// production or for debugging.
func (p plan) knows(buildID string) bool {
	return buildID != "" && (buildID == p.Program.BuildID || p.Symbols != nil && buildID == p.Symbols.BuildID)
}

// madeFor describes the program of the image for a message.
func (p plan) madeFor() string {
	text := fmt.Sprintf("this image was made for %s (package %s", p.Program.Path, p.Program.ImportPath)
	if p.Symbols != nil {
		text += ", build id " + p.Symbols.BuildID
	}
	return text + ")"
}
