package derive

import (
	"errors"

	"github.com/dlvgen/dlvgen/internal/derive/eject"
	"github.com/dlvgen/dlvgen/internal/shim/manifest"
)

// Dockerfile is the image as a plain Dockerfile, made from production's. target is the
// stage that production ships, tools the frontend image that has the tools; where it is
// empty, the Dockerfile needs nothing of dlvgen's.
func (i *Image) Dockerfile(target, tools string) ([]byte, error) {
	if i.Plan.Test != nil {
		return nil, errors.New("it starts the tests of a package")
	}
	d := i.from
	in := eject.Input{
		Source: d.made.before.Definition.GetSource(),
		Target: target,
		Steps:  d.made.Steps,
		Plan:   i.Plan, PlanJSON: i.PlanJSON,
		Production: i.Production.Config, Platform: i.Production.Platform,
		Tools: tools,
	}
	for _, c := range d.captures {
		compiled := eject.Capture{Step: c.step, Users: c.users}
		for _, m := range c.calls(func(p manifest.Program) bool { return p.ImportPath == i.Plan.Program.ImportPath }) {
			compiled.Calls = append(compiled.Calls, eject.GoCall{Args: m.ArgsBefore, Goflags: m.GoflagsBefore})
		}
		in.Captures = append(in.Captures, compiled)
	}
	if tools == "" {
		return eject.Standalone(in)
	}
	return eject.Dockerfile(in)
}
