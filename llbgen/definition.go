// Package llbgen writes and rewrites LLB: it instruments the compile steps of a
// production definition and assembles debug images from the results. It is pure:
// it reads nothing but its arguments, and the same arguments give the same
// digests.
package llbgen

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// vertex is one op of a definition with the bytes that its digest is made of.
type vertex struct {
	digest digest.Digest
	bytes  []byte
	op     *pb.Op
	inputs []int // which vertices of the definition op.Inputs are
}

// decode reads the ops of a definition, in its order: inputs come before the ops
// that use them, and the last one, without an operation, points at the result.
func decode(def *pb.Definition) ([]vertex, error) {
	vertices, _, err := decodeIndexed(def)
	return vertices, err
}

// decodeIndexed is decode that says which vertex has a digest, too.
func decodeIndexed(def *pb.Definition) ([]vertex, map[digest.Digest]int, error) {
	if def == nil || len(def.Def) == 0 {
		return nil, nil, nil
	}
	vertices := make([]vertex, len(def.Def))
	failed := make([]error, len(def.Def))
	inParallel(len(vertices), func(from, to int) {
		for i := from; i < to; i++ {
			op := &pb.Op{}
			failed[i] = op.UnmarshalVT(def.Def[i])
			vertices[i] = vertex{digest: digestOf(def.Def[i]), bytes: def.Def[i], op: op}
		}
	})
	index := make(map[digest.Digest]int, len(vertices))
	for i := range vertices {
		v := &vertices[i]
		if failed[i] != nil {
			return nil, nil, fmt.Errorf("decoding op %d of the definition: %w", i, failed[i])
		}
		v.inputs = make([]int, len(v.op.Inputs))
		for n, in := range v.op.Inputs {
			at, ok := index[digest.Digest(in.GetDigest())]
			if !ok {
				return nil, nil, fmt.Errorf("decoding op %d of the definition: its input is not among the ops before it", i)
			}
			v.inputs[n] = at
		}
		index[v.digest] = i
	}
	if last := vertices[len(vertices)-1].op; last.Op != nil || len(last.Inputs) != 1 {
		return nil, nil, fmt.Errorf("decoding the definition: its last op is not a pointer at the result")
	}
	return vertices, index, nil
}

// digestOf is digest.FromBytes, which formats where it need not.
func digestOf(dt []byte) digest.Digest {
	const algorithm = string(digest.SHA256) + ":"
	sum := sha256.Sum256(dt)
	var text [len(algorithm) + 2*sha256.Size]byte
	copy(text[:], algorithm)
	hex.Encode(text[len(algorithm):], sum[:])
	return digest.Digest(text[:])
}

// piece is how many ops are worth a goroutine.
const piece = 256

// inParallel calls do for pieces of the numbers from 0 to n, and returns when all
// are done.
func inParallel(n int, do func(from, to int)) {
	var working sync.WaitGroup
	for from := 0; from < n; from += piece {
		to := min(from+piece, n)
		if to == n {
			do(from, to)
			break
		}
		working.Go(func() { do(from, to) })
	}
	working.Wait()
}

// encode marshals an op the way that every client of BuildKit does, so that equal
// ops get equal digests.
func encode(op *pb.Op) (vertex, error) {
	dt, err := proto.MarshalOptions{Deterministic: true}.Marshal(op)
	if err != nil {
		return vertex{}, fmt.Errorf("encoding an op: %w", err)
	}
	return vertex{digest: digestOf(dt), bytes: dt, op: op}, nil
}

// repointed is the encoded op of a vertex with the digests of its inputs replaced, "" for
// those that stay, and all else as it was.
func repointed(v vertex, inputs []digest.Digest) ([]byte, error) {
	op := bytes.Clone(v.bytes)
	at := 0
	err := eachField(op, inputsField, func(input []byte) error {
		from, to := v.op.Inputs[at].Digest, inputs[at]
		at++
		if to == "" {
			return nil
		}
		return eachField(input, digestField, func(dgst []byte) error {
			if string(dgst) == from && copy(dgst, to) != len(from) {
				return fmt.Errorf("an input's digest %s becomes %s, which is shorter", from, to)
			}
			return nil
		})
	})
	return op, err
}

// The numbers of the fields Op.inputs and Input.digest (solver/pb/ops.proto).
const (
	inputsField protowire.Number = 1
	digestField protowire.Number = 1
)

// eachField calls do for every field of that number in an encoded message that
// holds bytes.
func eachField(message []byte, number protowire.Number, do func([]byte) error) error {
	for len(message) > 0 {
		n, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return fmt.Errorf("reading an encoded op: %w", protowire.ParseError(size))
		}
		message = message[size:]
		if size = protowire.ConsumeFieldValue(n, kind, message); size < 0 {
			return fmt.Errorf("reading an encoded op: %w", protowire.ParseError(size))
		}
		if n == number && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message)
			if err := do(value); err != nil {
				return err
			}
		}
		message = message[size:]
	}
	return nil
}

// builder collects the ops of a new definition.
type builder struct {
	def  *pb.Definition
	seen map[digest.Digest]bool
}

func newBuilder() *builder { return newBuilderOf(0) }

// newBuilderOf is newBuilder for about that many ops.
func newBuilderOf(ops int) *builder {
	return &builder{
		def:  &pb.Definition{Def: make([][]byte, 0, ops), Metadata: make(map[string]*pb.OpMetadata, ops)},
		seen: make(map[digest.Digest]bool, ops),
	}
}

// add appends an op unless it is there already.
func (b *builder) add(v vertex, meta *pb.OpMetadata) {
	if !b.seen[v.digest] {
		b.end(v, meta)
	}
}

// end is add for the op that points at the result: it comes last, even if an op like
// it is there already.
func (b *builder) end(v vertex, meta *pb.OpMetadata) {
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
	b.end(v, meta)
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
