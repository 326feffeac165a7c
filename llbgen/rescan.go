package llbgen

import (
	"errors"

	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// Rescan is the definition scan, whose last step scans the result of production, with the
// result of debug in its place. The stages that the step takes beside it are those of the
// instrumented definition.
func (i *Instrumented) Rescan(scan, debug *pb.Definition) (*pb.Definition, error) {
	vertices, err := decode(scan)
	if err != nil {
		return nil, err
	}
	if len(vertices) < 2 {
		return nil, errors.New("nothing scans the image")
	}
	b := newBuilder()
	if _, err := b.graft(i.Definition); err != nil {
		return nil, err
	}
	image, err := b.graft(debug)
	if err != nil {
		return nil, err
	}
	end := vertices[len(vertices)-1]
	step := vertices[end.inputs[0]]
	renamed := map[digest.Digest]digest.Digest{}
	for _, v := range vertices[:len(vertices)-1] {
		if v.digest == step.digest {
			continue
		}
		renewed, err := i.renew(v, renamed)
		if err != nil {
			return nil, err
		}
		renamed[v.digest] = renewed.digest
		b.add(renewed, scan.Metadata[string(v.digest)])
	}
	op, found := step.op.CloneVT(), false
	for n, in := range op.Inputs {
		if in.Digest == i.result.Digest && in.Index == i.result.Index {
			op.Inputs[n], found = image, true
			continue
		}
		in.Digest = string(renamed[digest.Digest(in.Digest)])
	}
	if !found {
		return nil, errors.New("the step that scans the image does not take it")
	}
	renewed, err := encode(op)
	if err != nil {
		return nil, err
	}
	b.add(renewed, scan.Metadata[string(step.digest)])
	documents := &pb.Input{Digest: string(renewed.digest), Index: end.op.Inputs[0].Index}
	def, err := b.finish(documents, nil)
	if err != nil {
		return nil, err
	}
	return resultAt(def, documents) // without what was instrumented and is not scanned
}

// renew is what the vertex of another definition is here: an instrumented one, or itself
// with such inputs.
func (i *Instrumented) renew(v vertex, renamed map[digest.Digest]digest.Digest) (vertex, error) {
	if to := i.renamed[v.digest]; to != "" {
		return vertex{digest: to}, nil // which is in the definition
	}
	inputs := make([]digest.Digest, len(v.op.Inputs))
	for n, in := range v.op.Inputs {
		inputs[n] = renamed[digest.Digest(in.Digest)]
	}
	dt, err := repointed(v, inputs)
	return vertex{digest: digestOf(dt), bytes: dt}, err
}
