package llbgen

import (
	"path"
	"strings"

	"github.com/moby/buildkit/solver/pb"
)

// Graph is a definition as what people look at: its ops, and what each is made from.
type Graph struct {
	// Nodes are in the definition's order: what a node is made from comes before it.
	Nodes []Node `json:"nodes"`

	// Result is the node that the definition points at, -1 where it has none.
	Result int `json:"result"`
}

// Node is one op of a definition.
type Node struct {
	// Name is what the progress display calls the op: "[build 4/6] RUN go mod download".
	Name string `json:"name"`

	// Source is the identifier of a source, empty for any other op:
	// "docker-image://docker.io/library/alpine:3", "local://context".
	Source string `json:"source,omitempty"`

	// Treatment is what becomes of the op. Nothing becomes of a source.
	Treatment Treatment `json:"treatment,omitempty"`

	// Step is set for a RUN step.
	Step *Surveyed `json:"step,omitempty"`

	// Base is the node whose files it starts from, -1 for none, and From are those that it
	// copies or mounts files of. Both are indexes of nodes.
	Base int   `json:"base"`
	From []int `json:"from,omitempty"`

	// Line is the op's first line in the Dockerfile, 0 where that is not known.
	Line int `json:"line,omitempty"`
}

// Draw is the graph of a definition, with what Instrument does to each op. It knows of the
// stages what [Survey] knows.
func Draw(def *pb.Definition, opts InstrumentOptions) (Graph, error) {
	p, err := Parse(def)
	if err != nil {
		return Graph{}, err
	}
	in, err := newInstrumented(p, opts)
	if err != nil {
		return Graph{}, err
	}
	g := Graph{Result: -1}
	for i, v := range p.vertices {
		if i == len(p.vertices)-1 { // it points at the result
			g.Result = v.inputs[0]
			break
		}
		g.Nodes = append(g.Nodes, in.node(i))
	}
	return g, nil
}

func (in *instrumenter) node(i int) Node {
	v := in.vertices[i]
	n := Node{Name: in.titleOf(v), Source: v.op.GetSource().GetIdentifier(), Base: -1, Line: in.lineOf(v)}
	switch {
	case n.Source != "":
	case in.renamed[i] != "":
		n.Treatment = TreatmentRepeated
	default:
		n.Treatment = TreatmentCached
	}
	if v.op.GetExec().GetMeta() != nil {
		s := in.surveyed(i)
		n.Step, n.Treatment = &s, s.Treatment
	}
	base := baseOf(v.op)
	for at, input := range v.inputs {
		if int64(at) == base {
			n.Base = input
		}
	}
	for _, input := range v.inputs {
		if input != n.Base {
			n.From = append(n.From, input)
		}
	}
	return n
}

// baseOf is the input whose files an op starts from, -1 for none.
func baseOf(op *pb.Op) int64 {
	switch o := op.Op.(type) {
	case *pb.Op_Exec:
		if root := rootMount(o.Exec); root != nil {
			return root.Input
		}
	case *pb.Op_File:
		for _, a := range o.File.Actions {
			if a.Input < int64(len(op.Inputs)) {
				return a.Input
			}
		}
	case *pb.Op_Merge, *pb.Op_Diff:
		if len(op.Inputs) > 0 {
			return 0
		}
	}
	return -1
}

// titleOf is what the progress display calls an op, or what it does where it has no name.
func (in *instrumenter) titleOf(v vertex) string {
	if name := in.def.Metadata[string(v.digest)].GetDescription()["llb.customname"]; name != "" {
		return name
	}
	switch o := v.op.Op.(type) {
	case *pb.Op_Source:
		return o.Source.Identifier
	case *pb.Op_Exec:
		return "RUN " + strings.Join(o.Exec.GetMeta().GetArgs(), " ")
	case *pb.Op_File:
		return fileTitle(o.File)
	case *pb.Op_Merge:
		return "merge"
	case *pb.Op_Diff:
		return "diff"
	}
	return "build"
}

// fileTitle says what the first action of a file op does.
func fileTitle(op *pb.FileOp) string {
	for _, a := range op.Actions {
		switch {
		case a.GetCopy() != nil:
			return "COPY " + a.GetCopy().Src + " " + a.GetCopy().Dest
		case a.GetMkfile() != nil:
			return "write " + path.Clean(a.GetMkfile().Path)
		case a.GetMkdir() != nil:
			return "make " + path.Clean(a.GetMkdir().Path)
		case a.GetRm() != nil:
			return "remove " + path.Clean(a.GetRm().Path)
		}
	}
	return "files"
}
