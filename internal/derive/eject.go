package derive

import "github.com/dlvgen/dlvgen/internal/derive/eject"

// Dockerfile is the image as a plain Dockerfile, made from production's. target is the
// stage that production ships, tools the frontend image that has the tools.
func (i *Image) Dockerfile(target, tools string) ([]byte, error) {
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
		in.Captures = append(in.Captures, eject.Capture{Step: c.step, Users: c.users})
	}
	return eject.Dockerfile(in)
}
