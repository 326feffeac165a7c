package llbgen

import (
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// Parsed is a definition that was read: it can be instrumented again when more is
// known of its stages, without reading it again.
type Parsed struct {
	def      *pb.Definition
	vertices []vertex
	index    map[digest.Digest]int
	scripts  []script // of the vertices that are steps
}

// result is what the definition points at, nil for an empty one.
func (p *Parsed) result() *pb.Input {
	if len(p.vertices) == 0 {
		return nil
	}
	return p.vertices[len(p.vertices)-1].op.Inputs[0]
}

// Parse reads a definition, which must not change afterwards. An error says which
// op cannot be read.
func Parse(def *pb.Definition) (*Parsed, error) {
	vertices, index, err := decodeIndexed(def)
	if err != nil {
		return nil, err
	}
	scripts := make([]script, len(vertices))
	inParallel(len(vertices), func(from, to int) {
		for i := from; i < to; i++ {
			if exec := vertices[i].op.GetExec(); exec.GetMeta() != nil {
				scripts[i] = readStep(exec)
			}
		}
	})
	return &Parsed{def: def, vertices: vertices, index: index, scripts: scripts}, nil
}
