package sidecar

import (
	"errors"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/planfile"
)

// kindSidecar is variants.KindSidecar.
const kindSidecar = "sidecar"

// Planned tells whether the plan at path is that of a sidecar.
func Planned(path string) bool {
	p, err := readPlan(path)
	return err == nil && p.Request.Variant.Kind == kindSidecar
}

// plan is that of the image.
type plan struct{ planfile.Plan }

// readPlan reads the plan at path.
func readPlan(path string) (plan, error) {
	p, err := planfile.Read(path)
	if err == nil && len(p.Debugger) == 0 {
		err = errors.New("reading the plan at " + path + ": it names no debugger")
	}
	return plan{p}, err
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
