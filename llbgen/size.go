package llbgen

import (
	"slices"

	"github.com/dlvgen/dlvgen/internal/shell"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// LooksAtSize tells whether a vertex of the new definition is a step that is compiled
// or comes after a compile, and that looks at the size of a file.
func (i *Instrumented) LooksAtSize(vertex digest.Digest) bool {
	vertices, err := decode(i.Definition)
	if err != nil {
		return false
	}
	after := map[string]bool{}
	for _, s := range i.Steps {
		after[string(s.Vertex)] = true
	}
	for _, v := range vertices {
		if slices.ContainsFunc(v.op.Inputs, func(in *pb.Input) bool { return after[in.Digest] }) {
			after[string(v.digest)] = true
		}
		if v.digest == vertex {
			return after[string(v.digest)] && v.op.GetExec().GetMeta() != nil && shell.Read(v.op.GetExec().Meta.Args).LooksAtSize()
		}
	}
	return false
}
