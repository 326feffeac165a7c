package llbgen

import (
	"path"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/moby/buildkit/client/llb"
)

// placed is a file of a state.
type placed struct {
	state llb.State
	path  string
}

// init is the init of the image's platform.
func (p Parts) init() placed {
	return p.granted(placed{p.Tools.State, p.Tools.Path(p.Platform, layout.ToolInit)}, "init")
}

// rebuilt is the program that was compiled again.
func (p Parts) rebuilt() placed {
	return p.granted(placed{p.Rebuilt, p.RebuiltPath}, "the rebuilt program")
}

// granted gives a file the capabilities of the production program's file. LLB has no op
// for that, so that a step runs init's own code, on the builder's platform.
func (p Parts) granted(f placed, name string) placed {
	capabilities := p.Plan.Program.Capabilities
	if capabilities == "" {
		return f
	}
	const from, to = "/from", "/granted"
	program := path.Join(to, path.Base(f.path))
	// No two mounts of the step have one input, see mounter.mountAll.
	root := llb.Scratch().File(llb.Copy(p.Tools.State, p.Tools.Path(p.Builder, layout.ToolInit), "/init"), llb.WithCustomName("[dlvgen] prepare the step that gives capabilities"))
	step := root.Run(
		llb.Args([]string{"/init", layout.GrantWord, capabilities, path.Join(from, f.path), program}),
		llb.AddMount(from, f.state, llb.Readonly),
		llb.Platform(p.Builder),
		llb.Network(llb.NetModeNone),
		llb.WithCustomName("[dlvgen] give "+name+" the program's capabilities"),
	)
	return placed{step.AddMount(to, llb.Scratch()), "/" + path.Base(f.path)}
}
