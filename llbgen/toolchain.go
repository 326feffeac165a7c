package llbgen

import (
	"path"
	"strings"

	"github.com/moby/buildkit/solver/pb"
)

// Toolchain says what the file system that a step starts from holds of Go.
type Toolchain struct {
	// Programs are the go commands, as absolute paths without symbolic links:
	// "/usr/local/go/bin/go". Empty where there is none.
	Programs []string

	// ModCache is the GOMODCACHE that the step will use, set only where it is
	// absent or empty there, so that a persistent one may stand in its place.
	ModCache string
}

// located is a step's toolchain, known where somebody has looked.
type located struct {
	Toolchain
	known bool
}

// none tells whether there surely is no toolchain.
func (l located) none() bool { return l.known && len(l.Programs) == 0 }

// toolchainOf returns what is known of a step's toolchain: what was found in its
// own input, or else what it inherits.
func (in *instrumenter) toolchainOf(v vertex, inherited located) located {
	if t, ok := in.opts.Toolchains[v.digest]; ok {
		return located{Toolchain: t, known: true}
	}
	return inherited
}

// inheritedBy is the toolchain of the nearest step before v on the same root. A
// stage is thus looked into once, not once a step.
func (in *instrumenter) inheritedBy(v vertex) located {
	if root := rootInput(v); root >= 0 {
		return in.inherited[v.inputs[root]]
	}
	if layers := layersOfMerge(v); len(layers) > 0 && in.inherited[layers[0]].none() {
		return in.inherited[layers[0]] // as COPY --link puts files on it
	}
	return located{}
}

// layersOfMerge are the vertices that a merge puts on each other, none for another op.
func layersOfMerge(v vertex) []int {
	var layers []int
	for _, m := range v.op.GetMerge().GetInputs() {
		if m.GetInput() < 0 || m.GetInput() >= int64(len(v.inputs)) {
			return nil
		}
		layers = append(layers, v.inputs[m.GetInput()])
	}
	return layers
}

// left is what a vertex leaves of a toolchain that it inherits to what goes on from it.
func (in *instrumenter) left(i int, inherited located) located {
	v := in.vertices[i]
	own, isStep := in.toolchains[i], in.compiles[i]
	switch {
	case v.op.GetSource() != nil:
		return located{known: isWithoutGo(v.op.GetSource().Identifier)}
	case isStep && len(own.Programs) == 0:
		return located{} // the step itself may bring a toolchain
	case isStep:
		return own
	case inherited.none() && in.mayBringGo(i):
		return located{}
	case inherited.known && inherited.ModCache != "" && touches(v.op, inherited.ModCache):
		inherited.ModCache = ""
	}
	return inherited
}

// touches tells whether an op may put files into a folder.
func touches(op *pb.Op, folder string) bool {
	if op.GetFile() == nil {
		return true
	}
	for _, a := range op.GetFile().Actions {
		if c := a.GetCopy(); c != nil && (within(c.Dest, folder) || within(folder, c.Dest)) {
			return true
		}
	}
	return false
}

// packagedGo is the folder below which distributions' packages put toolchains.
const packagedGo = "/usr/lib"

// within tells whether a path is a folder or lies below it.
func within(p, folder string) bool {
	p, folder = path.Clean(p), path.Clean(folder)
	return p == folder || folder == "/" || strings.HasPrefix(p, folder+"/")
}

// rootInput is the input whose root file system v goes on from, -1 where there is
// none.
func rootInput(v vertex) int64 {
	index := int64(-1)
	switch op := v.op.Op.(type) {
	case *pb.Op_Exec:
		if root := rootMount(op.Exec); root != nil {
			index = root.Input
		}
	case *pb.Op_File:
		index = baseOfFile(op.File, len(v.op.Inputs))
	}
	if index >= int64(len(v.op.Inputs)) {
		return -1
	}
	return index
}

// rootMount is the mount of the step's root file system, nil in a malformed op.
func rootMount(exec *pb.ExecOp) *pb.Mount {
	for _, m := range exec.Mounts {
		if m != nil && m.Dest == pb.RootMount {
			return m
		}
	}
	return nil
}

// baseOfFile follows a file op's actions back to the input of the op that they
// start from, -1 for scratch. An action's input at or above inputs refers to the
// output of an earlier action (pb.FileAction).
func baseOfFile(file *pb.FileOp, inputs int) int64 {
	if len(file.Actions) == 0 {
		return -1
	}
	at := file.Actions[len(file.Actions)-1].Input
	for range file.Actions {
		i := at - int64(inputs)
		if i < 0 {
			return at
		}
		if i >= int64(len(file.Actions)) {
			return -1
		}
		at = file.Actions[i].Input
	}
	return -1
}
