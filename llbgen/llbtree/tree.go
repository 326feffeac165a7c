// Package llbtree prints a definition as a deterministic text tree, for goldens
// and for people.
package llbtree

import (
	"fmt"
	"sort"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/gocall"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// Format prints every vertex once, the result first, its inputs indented below it.
// A vertex that was printed before is named again with a trailing "...". Digests
// are not printed: a tree compares what vertices are, not how they are encoded.
func Format(def *pb.Definition) (string, error) {
	t := &tree{ops: map[string]*pb.Op{}, def: def, printed: map[string]int{}}
	last := ""
	for i, dt := range def.GetDef() {
		op := &pb.Op{}
		if err := op.UnmarshalVT(dt); err != nil {
			return "", fmt.Errorf("decoding op %d of the definition: %w", i, err)
		}
		last = string(digest.FromBytes(dt))
		t.ops[last] = op
	}
	if op := t.ops[last]; op != nil {
		for _, in := range op.Inputs {
			t.print(in, 0)
		}
	}
	return t.out.String(), nil
}

type tree struct {
	ops     map[string]*pb.Op
	def     *pb.Definition
	printed map[string]int // digest to the number of its vertex
	out     strings.Builder
}

func (t *tree) print(in *pb.Input, depth int) {
	indent := strings.Repeat("  ", depth)
	op := t.ops[in.Digest]
	if op == nil {
		fmt.Fprintf(&t.out, "%s(missing)\n", indent)
		return
	}
	output := ""
	if in.Index != 0 {
		output = fmt.Sprintf(" output %d", in.Index)
	}
	if n, ok := t.printed[in.Digest]; ok {
		fmt.Fprintf(&t.out, "%s#%d%s ...\n", indent, n, output)
		return
	}
	n := len(t.printed) + 1
	t.printed[in.Digest] = n
	name := t.def.Metadata[in.Digest].GetDescription()["llb.customname"]
	if name != "" {
		name = " " + oneLine(name)
	}
	fmt.Fprintf(&t.out, "%s#%d%s%s\n", indent, n, output, name)
	for _, line := range describe(op) {
		fmt.Fprintf(&t.out, "%s   %s\n", indent, line)
	}
	for _, next := range op.Inputs {
		t.print(next, depth+1)
	}
}

// describe prints what an op does, a line each.
func describe(op *pb.Op) []string {
	switch o := op.Op.(type) {
	case *pb.Op_Source:
		return []string{"source " + o.Source.Identifier}
	case *pb.Op_Exec:
		return describeExec(o.Exec)
	case *pb.Op_File:
		return describeFile(o.File)
	case *pb.Op_Merge:
		return []string{fmt.Sprintf("merge of %d", len(o.Merge.Inputs))}
	case *pb.Op_Diff:
		return []string{"diff"}
	}
	return []string{"build"}
}

func describeExec(exec *pb.ExecOp) []string {
	lines := []string{fmt.Sprintf("exec %q", gocall.RedactArgs(exec.GetMeta().GetArgs()))}
	env := append([]string(nil), exec.GetMeta().GetEnv()...)
	sort.Strings(env)
	for _, e := range env {
		lines = append(lines, "env "+oneLine(e))
	}
	for _, m := range exec.Mounts {
		line := fmt.Sprintf("mount %s %s", strings.ToLower(m.MountType.String()), m.Dest)
		if m.Input >= 0 {
			line += fmt.Sprintf(" from input %d", m.Input)
		}
		if m.Selector != "" {
			line += ":" + m.Selector
		}
		if m.CacheOpt != nil {
			line += " id " + m.CacheOpt.ID
		}
		if m.Readonly {
			line += " readonly"
		}
		if m.Output >= 0 {
			line += fmt.Sprintf(" as output %d", m.Output)
		}
		lines = append(lines, line)
	}
	return lines
}

func describeFile(file *pb.FileOp) []string {
	var lines []string
	for _, a := range file.Actions {
		switch a := a.Action.(type) {
		case *pb.FileAction_Copy:
			line := fmt.Sprintf("copy %s to %s", a.Copy.Src, a.Copy.Dest)
			if a.Copy.Mode >= 0 {
				line += fmt.Sprintf(" mode %o", a.Copy.Mode)
			}
			lines = append(lines, line)
		case *pb.FileAction_Mkdir:
			lines = append(lines, fmt.Sprintf("mkdir %s mode %o", a.Mkdir.Path, a.Mkdir.Mode))
		case *pb.FileAction_Mkfile:
			lines = append(lines, fmt.Sprintf("mkfile %s mode %o", a.Mkfile.Path, a.Mkfile.Mode))
		case *pb.FileAction_Symlink:
			lines = append(lines, fmt.Sprintf("symlink %s to %s", a.Symlink.Newpath, a.Symlink.Oldpath))
		case *pb.FileAction_Rm:
			lines = append(lines, "rm "+a.Rm.Path)
		default:
			lines = append(lines, fmt.Sprintf("%T", a))
		}
	}
	return lines
}

// oneLine keeps a name or value on its line.
func oneLine(s string) string {
	first, _, more := strings.Cut(strings.TrimSpace(s), "\n")
	if more {
		first += " ..."
	}
	return first
}
