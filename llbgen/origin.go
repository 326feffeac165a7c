package llbgen

import (
	"path"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// Origin says where a file of a definition's result comes from, as far as that can
// be told without building.
type Origin struct {
	// Step is what the progress display calls the step that makes the file, and
	// Compiles why that step may compile Go, "" where it does not.
	Step     string
	Compiles string

	// Source is the identifier of the source that has the file, where no step makes
	// it: "local://context", "docker-image://docker.io/library/alpine:3".
	Source string

	// Path is the file's there. It may have links in it.
	Path string

	// Input refers to the vertex: a step's or a source's.
	vertex digest.Digest
	def    *pb.Definition
}

// Definition is that of the source alone.
func (o Origin) Definition() (*pb.Definition, error) {
	return resultAt(o.def, &pb.Input{Digest: string(o.vertex)})
}

// OriginOf follows a file back through copies. A step that may compile Go, or
// whose text names the file, counts as its maker; any other is taken to leave it alone.
func OriginOf(def *pb.Definition, file string) (Origin, error) {
	vertices, err := decode(def)
	if err != nil || len(vertices) == 0 {
		return Origin{}, err
	}
	t := tracer{&instrumenter{def: def, byDigest: make(map[digest.Digest]vertex, len(vertices))}}
	for _, v := range vertices {
		t.in.byDigest[v.digest] = v
	}
	result := vertices[len(vertices)-1].op.Inputs[0]
	return t.trace(result, path.Clean("/"+file)), nil
}

// tracer follows files through a definition.
type tracer struct {
	in *instrumenter
}

// trace is the origin of a file in a vertex's output.
func (t tracer) trace(in *pb.Input, file string) Origin {
	for {
		v, ok := t.in.byDigest[digest.Digest(in.Digest)]
		if !ok {
			return Origin{Path: file}
		}
		var next *pb.Input
		switch op := v.op.Op.(type) {
		case *pb.Op_Source:
			return Origin{Source: op.Source.Identifier, Path: file, vertex: v.digest, def: t.in.def}
		case *pb.Op_Exec:
			reason := ""
			if op.Exec.Meta != nil {
				reason = mayCompile(op.Exec.Meta.Args, located{})
			}
			mount := mountOf(op.Exec, in.Index)
			if mount == nil || reason != "" || names(op.Exec, file) {
				return Origin{Step: t.in.nameOf(v), Compiles: reason, Path: file, vertex: v.digest, def: t.in.def}
			}
			next = inputAt(v.op, mount.Input)
		case *pb.Op_File:
			next, file = t.throughFile(v.op, op.File, file)
		case *pb.Op_Merge:
			// The last layer that has the file wins, and only files can tell.
			for i := len(op.Merge.Inputs) - 1; i > 0; i-- {
				if o := t.trace(inputAt(v.op, op.Merge.Inputs[i].Input), file); o.Step != "" || o.Source != "" {
					return o
				}
			}
			next = inputAt(v.op, op.Merge.Inputs[0].Input)
		}
		if next == nil {
			return Origin{Path: file}
		}
		in = next
	}
}

// throughFile follows a file through the actions of a file op, the last first. It
// returns where to go on, nil where an action makes the file.
func (t tracer) throughFile(op *pb.Op, file *pb.FileOp, name string) (*pb.Input, string) {
	inputs := int64(len(op.Inputs))
	at := int64(len(file.Actions)) - 1
	for at >= 0 && at < int64(len(file.Actions)) {
		a := file.Actions[at]
		if c := a.GetCopy(); c != nil {
			if from, ok := copiedFrom(c, name); ok && a.SecondaryInput >= 0 && a.SecondaryInput < inputs {
				return op.Inputs[a.SecondaryInput], from
			}
		}
		if m := a.GetMkfile(); m != nil && path.Clean(m.Path) == name {
			return nil, name
		}
		if a.Input < inputs {
			return inputAt(op, a.Input), name
		}
		if a.Input-inputs >= at {
			return nil, name // actions refer to earlier ones only
		}
		at = a.Input - inputs
	}
	return nil, name
}

// copiedFrom is the path that a copy takes a file from, if it may be the copy that
// brings it. Whether a source is a folder is not known; a copied folder's files come
// from below it.
func copiedFrom(c *pb.FileActionCopy, file string) (string, bool) {
	dest, src := path.Clean("/"+c.Dest), path.Clean("/"+c.Src)
	pattern := c.AllowWildcard && strings.ContainsAny(src, "*?[")
	switch {
	case pattern:
		if ok, err := path.Match(path.Base(src), path.Base(file)); err == nil && ok && path.Dir(file) == dest {
			return path.Join(path.Dir(src), path.Base(file)), true
		}
		return "", false
	case file == dest:
		return src, true
	case !within(file, dest):
		return "", false
	case strings.HasSuffix(c.Dest, "/") && path.Base(src) == path.Base(file) && path.Dir(file) == dest:
		return src, true
	}
	return path.Join(src, strings.TrimPrefix(file, strings.TrimSuffix(dest, "/"))), true
}

// names tells whether the text of a step has the file's name in it.
func names(exec *pb.ExecOp, file string) bool {
	return exec.Meta != nil && strings.Contains(strings.Join(exec.Meta.Args, " "), path.Base(file))
}

// mountOf is the mount with that output.
func mountOf(exec *pb.ExecOp, output int64) *pb.Mount {
	for _, m := range exec.Mounts {
		if m != nil && m.Output == output && m.Input >= 0 {
			return m
		}
	}
	return nil
}

func inputAt(op *pb.Op, i int64) *pb.Input {
	if i < 0 || i >= int64(len(op.Inputs)) {
		return nil
	}
	return op.Inputs[i]
}
