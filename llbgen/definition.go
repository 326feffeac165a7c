// Package llbgen writes and rewrites LLB: it instruments the compile steps of a
// production definition and assembles debug images from the results. It is pure:
// it reads nothing but its arguments, and the same arguments give the same
// digests.
package llbgen

import (
	"fmt"
	"maps"
	"slices"

	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	"google.golang.org/protobuf/proto"
)

// vertex is one op of a definition with the bytes that its digest is made of.
type vertex struct {
	digest digest.Digest
	bytes  []byte
	op     *pb.Op
}

// decode reads the ops of a definition, in its order: inputs come before the ops
// that use them, and the last one, without an operation, points at the result.
func decode(def *pb.Definition) ([]vertex, error) {
	if def == nil || len(def.Def) == 0 {
		return nil, nil
	}
	vertices := make([]vertex, 0, len(def.Def))
	seen := make(map[string]bool, len(def.Def))
	for i, dt := range def.Def {
		op := &pb.Op{}
		if err := op.UnmarshalVT(dt); err != nil {
			return nil, fmt.Errorf("decoding op %d of the definition: %w", i, err)
		}
		for _, in := range op.Inputs {
			if in == nil || !seen[in.Digest] {
				return nil, fmt.Errorf("decoding op %d of the definition: its input is not among the ops before it", i)
			}
		}
		v := vertex{digest: digest.FromBytes(dt), bytes: dt, op: op}
		seen[string(v.digest)] = true
		vertices = append(vertices, v)
	}
	if last := vertices[len(vertices)-1].op; last.Op != nil || len(last.Inputs) != 1 {
		return nil, fmt.Errorf("decoding the definition: its last op is not a pointer at the result")
	}
	return vertices, nil
}

// encode marshals an op the way that every client of BuildKit does, so that equal
// ops get equal digests.
func encode(op *pb.Op) (vertex, error) {
	dt, err := proto.MarshalOptions{Deterministic: true}.Marshal(op)
	if err != nil {
		return vertex{}, fmt.Errorf("encoding an op: %w", err)
	}
	return vertex{digest: digest.FromBytes(dt), bytes: dt, op: op}, nil
}

// builder collects the ops of a new definition.
type builder struct {
	def  *pb.Definition
	seen map[digest.Digest]bool
}

func newBuilder() *builder {
	return &builder{
		def:  &pb.Definition{Metadata: map[string]*pb.OpMetadata{}},
		seen: map[digest.Digest]bool{},
	}
}

// add appends an op unless it is there already.
func (b *builder) add(v vertex, meta *pb.OpMetadata) {
	if b.seen[v.digest] {
		return
	}
	b.seen[v.digest] = true
	b.def.Def = append(b.def.Def, v.bytes)
	if meta != nil {
		b.def.Metadata[string(v.digest)] = meta
	}
}

// graft appends all ops of another definition and returns the input that refers
// to its result.
func (b *builder) graft(def *pb.Definition) (*pb.Input, error) {
	vertices, err := decode(def)
	if err != nil {
		return nil, err
	}
	if len(vertices) == 0 {
		return nil, fmt.Errorf("grafting an empty definition")
	}
	last := len(vertices) - 1
	for _, v := range vertices[:last] {
		b.add(v, def.Metadata[string(v.digest)])
	}
	return vertices[last].op.Inputs[0].CloneVT(), nil
}

// finish points the definition at its result. The terminal op keeps the metadata
// that it had.
func (b *builder) finish(result *pb.Input, meta *pb.OpMetadata) (*pb.Definition, error) {
	v, err := encode(&pb.Op{Inputs: []*pb.Input{result}})
	if err != nil {
		return nil, err
	}
	b.add(v, meta)
	return b.def, nil
}

// resultAt is the part of def that output index of the vertex depends on.
func resultAt(def *pb.Definition, at *pb.Input) (*pb.Definition, error) {
	vertices, err := decode(def)
	if err != nil {
		return nil, err
	}
	needed := map[string]bool{at.Digest: true}
	for _, v := range slices.Backward(vertices) {
		if !needed[string(v.digest)] {
			continue
		}
		for _, in := range v.op.Inputs {
			needed[in.Digest] = true
		}
	}
	b := newBuilder()
	for _, v := range vertices {
		if needed[string(v.digest)] {
			b.add(v, def.Metadata[string(v.digest)])
		}
	}
	b.def.Source = sourceOf(def.Source, b.seen)
	return b.finish(at, nil)
}

// sourceOf is the source map reduced to the vertices that are kept.
func sourceOf(source *pb.Source, kept map[digest.Digest]bool) *pb.Source {
	if source == nil {
		return nil
	}
	locations := maps.Clone(source.Locations)
	maps.DeleteFunc(locations, func(dgst string, _ *pb.Locations) bool { return !kept[digest.Digest(dgst)] })
	return &pb.Source{Locations: locations, Infos: source.Infos}
}
