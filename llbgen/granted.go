package llbgen

import (
	"cmp"
	"path"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client/llb"
)

// placed is a file of a state.
type placed struct {
	state llb.State
	path  string
}

// source is the file that an item is copied from.
func (p Parts) source(i variants.Item) placed {
	f := placed{p.Tools.State, p.Tools.Path(p.Platform, i.Name)}
	switch i.From {
	case variants.FromProduction:
		f = placed{p.Production, i.Name}
	case variants.FromRebuilt:
		f = placed{p.Rebuilt, p.RebuiltPath}
	case variants.FromSymbols:
		f = placed{p.Symbols, p.SymbolsPath}
	}
	if i.Capabilities == "" {
		return f
	}
	return p.granted(f, cmp.Or(i.Name, string(i.From)), i.Capabilities)
}

// granted gives a file the capabilities of the production program's file. LLB has no op
// for that, so that a step runs init's own code, on the builder's platform.
func (p Parts) granted(f placed, name, capabilities string) placed {
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
