package llbgen

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// Origin is a place that a file of a definition's result may come from, as far as
// that can be told without building.
type Origin struct {
	// Step is what the progress display calls the step that makes the file, and
	// Compiles why that step may compile Go, "" where it does not.
	Step     string
	Compiles string

	// Source is the identifier of the source that has the file, where no step makes
	// it: "local://context", "docker-image://docker.io/library/alpine:3". It is
	// empty for a file that the Dockerfile itself holds.
	Source string

	// Path is the file's there. It may have links in it, and it may be a pattern: of
	// those that match it, the last one in the order of their names is the file.
	Path string

	// Likely is set where the Dockerfile names the file, or copies it here from the
	// origin, alone or with its folder.
	Likely bool

	// Named is set where the Dockerfile names the file itself: a copy is of it, or the
	// text of the step has its name. A copy into a folder may bring any file of that
	// folder, and so may a copy of one file into it: what is a folder is not known.
	Named bool

	// Alone is set where it is the file alone that is copied here from the source,
	// so that nothing else can have put it here. A pattern may match nothing.
	Alone bool

	// spelled is set where the step's own text has the file's path, or one of the pattern.
	spelled bool

	score int
	step  digest.Digest

	// at is the source in def. An action is what brings the file out of it, or
	// writes it: an archive's, a here document's.
	def    *pb.Definition
	at     *pb.Input
	action *pb.FileAction
}

// Readable tells whether the file can be read without building and without
// fetching an image: it is the build context's, or the Dockerfile's own.
func (o Origin) Readable() bool {
	return o.def != nil && (o.action != nil || strings.HasPrefix(o.Source, "local://") || strings.HasPrefix(o.Source, "git://"))
}

// FromImage tells whether the file would be a base image's own.
func (o Origin) FromImage() bool {
	return strings.HasPrefix(o.Source, "docker-image://") || strings.HasPrefix(o.Source, "oci-layout://")
}

// Archive is what the file is unpacked from, or copied from the folder of, where an
// ADD brings it: ADD unpacks archives, and fails where there is nothing. Of a pattern it
// is the folder that must be there. It is false for any other origin.
func (o Origin) Archive() (Origin, bool) {
	c := o.action.GetCopy()
	if c == nil {
		return Origin{}, false
	}
	from := path.Clean("/" + c.Src)
	for c.AllowWildcard && isPattern(from) {
		from = path.Dir(from)
	}
	return Origin{Source: o.Source, Path: from, def: o.def, at: o.at}, true
}

// Pattern splits a path that is a pattern into the folder that it names and the elements
// below that. It is false for any other path.
func (o Origin) Pattern() (folder string, below []string, ok bool) {
	elements := split(o.Path)
	i := slices.IndexFunc(elements, isPattern)
	if i < 0 {
		return "", nil, false
	}
	return path.Join("/", path.Join(elements[:i]...)), elements[i:], true
}

// Rivals tells whether two steps have files of one pattern in their texts: only a build
// can tell which of them is copied last.
func (o Origin) Rivals(other Origin) bool {
	return isPattern(o.Path) && o.Path == other.Path && o.spelled && other.spelled && o.step != other.step
}

// Definition is that of the file system that has the file at Path.
func (o Origin) Definition() (*pb.Definition, error) {
	if o.action == nil {
		return resultAt(o.def, o.at)
	}
	b := newBuilder()
	op := &pb.Op{Op: &pb.Op_File{File: &pb.FileOp{Actions: []*pb.FileAction{o.action}}}}
	if o.at != nil {
		source, err := resultAt(o.def, o.at)
		if err != nil {
			return nil, err
		}
		in, err := b.graft(source)
		if err != nil {
			return nil, err
		}
		op.Inputs = []*pb.Input{in}
	}
	v, err := encode(op)
	if err != nil {
		return nil, err
	}
	b.add(v, &pb.OpMetadata{Caps: map[string]bool{string(pb.CapFileBase): true}})
	return b.finish(&pb.Input{Digest: string(v.digest)}, nil)
}

// most is how many vertices are looked at for one file. Folders that are copied to
// and fro would otherwise multiply the ways.
const most = 10_000

// Origins follows a file back through copies, links and renamings: the places it may
// come from, the likeliest first. Only files could tell which of several it is: a
// step may make a file that its text does not name, and a copied folder may have it.
func Origins(def *pb.Definition, file string) ([]Origin, error) {
	vertices, err := decode(def)
	if err != nil || len(vertices) == 0 {
		return nil, err
	}
	t := &tracer{def: def, byDigest: make(map[digest.Digest]vertex, len(vertices)), left: most}
	for _, v := range vertices {
		t.byDigest[v.digest] = v
	}
	return t.trace(vertices[len(vertices)-1].op.Inputs[0], path.Clean("/"+file)).all(), nil
}

// tracer follows one file, or those of a pattern, through a definition.
type tracer struct {
	def      *pb.Definition
	byDigest map[digest.Digest]vertex
	left     int
}

// trail is what was met on the way down one file system, and where it goes on.
type trail struct {
	found []Origin
	file  string
	next  *pb.Input

	// certain are the origins of copies under the file's very name, the last copy's
	// first. Where one is of a file that must be there, the trail ends: nothing below
	// it is left.
	certain []Origin
	ends    bool
}

// all are the origins that were met, the likeliest first.
func (t *trail) all() []Origin { return slices.Concat(t.certain, t.found) }

// trace lists the origins of a file in a vertex's output.
func (t *tracer) trace(in *pb.Input, file string) *trail {
	at := &trail{file: file, next: in}
	for at.next != nil && !at.ends && t.left > 0 {
		t.left--
		in := at.next
		at.next = nil
		v, ok := t.byDigest[digest.Digest(in.Digest)]
		if !ok {
			break
		}
		switch op := v.op.Op.(type) {
		case *pb.Op_Source:
			at.found = append(at.found, t.source(op.Source, in, at.file))
		case *pb.Op_Exec:
			t.throughExec(at, v, in.Index)
		case *pb.Op_File:
			t.throughFile(at, v.op, in.Index)
		case *pb.Op_Merge:
			t.throughMerge(at, v.op)
		}
	}
	slices.SortStableFunc(at.found, func(a, b Origin) int { return cmp.Compare(b.score, a.score) })
	return at
}

// source is a file that no step makes. That a folder of the context has it is likelier
// than that the base image does.
func (t *tracer) source(op *pb.SourceOp, in *pb.Input, file string) Origin {
	o := Origin{Source: op.Identifier, Path: file, def: t.def, at: in}
	if strings.HasPrefix(op.Identifier, "docker-image://") {
		o.score = -1
	}
	return o
}

// throughMerge looks into each layer, the last one first: it hides the others.
func (t *tracer) throughMerge(at *trail, op *pb.Op) {
	for _, m := range slices.Backward(op.GetMerge().Inputs) {
		layer := t.trace(inputAt(op, m.Input), at.file)
		at.certain, at.found = append(at.certain, layer.certain...), append(at.found, layer.found...)
		if layer.ends {
			at.ends = true
			return
		}
	}
}

// throughFile goes through the actions of a file op, the last one first.
func (t *tracer) throughFile(at *trail, op *pb.Op, output int64) {
	actions, inputs := op.GetFile().Actions, int64(len(op.Inputs))
	i := slices.IndexFunc(actions, func(a *pb.FileAction) bool { return a.Output == output })
	for i >= 0 && !at.ends {
		a := actions[i]
		if m := a.GetMkfile(); m != nil && matches(at.file, path.Clean(m.Path)) {
			at.certain = append(at.certain, Origin{Path: path.Clean(m.Path), Likely: true, Named: true, Alone: !isPattern(at.file), def: t.def, action: alone(a)})
			if !isPattern(at.file) {
				at.ends = true
				return
			}
		}
		t.throughCopy(at, op, a)
		if a.Input < inputs {
			at.next = inputAt(op, a.Input)
			return
		}
		if a.Input-inputs >= int64(i) {
			return // actions refer to earlier ones only
		}
		i = int(a.Input - inputs)
	}
}

// throughCopy notes where the file comes from if the action is a copy that may
// bring it.
func (t *tracer) throughCopy(at *trail, op *pb.Op, a *pb.FileAction) {
	c, in := a.GetCopy(), inputAt(op, a.SecondaryInput)
	if c == nil || in == nil {
		return
	}
	source := t.byDigest[digest.Digest(in.Digest)].op.GetSource()
	ways := copiedFrom(c, at.file)
	for _, way := range ways {
		if c.AttemptUnpackDockerCompatibility && !way.itself && source != nil {
			at.found = append(at.found, Origin{Source: source.Identifier, Path: at.file, def: t.def, at: in, action: alone(a)})
			continue
		}
		certain := way.certain() && !isPattern(at.file)
		found := t.trace(in, way.from).all()
		for i := range found {
			o := &found[i]
			o.Alone = certain && o.Step == "" && (o.Alone || !o.Likely)
			o.Named = o.Named || way.itself
			o.Likely = true
			// A folder has the file less surely than a copy of the file itself, and the
			// one of another image less surely than the base image.
			o.score = min(o.score, max(0, o.score-1))
			if o.score < 0 && !way.itself {
				o.score--
			}
		}
		if !way.itself || len(ways) > 1 || isPattern(at.file) {
			at.found = append(at.found, found...)
			continue
		}
		at.certain, at.ends = append(at.certain, found...), certain
	}
}

// alone is the action on a file system that has nothing else.
func alone(a *pb.FileAction) *pb.FileAction {
	a = a.CloneVT()
	a.Input, a.Output, a.SecondaryInput = int64(pb.Empty), 0, int64(pb.Empty)
	if a.GetCopy() != nil {
		a.SecondaryInput = 0
	}
	return a
}

// throughExec notes the step if it may make the file, and goes on below it under
// the name that the file had before. Of a pattern's files the step may rename one: the
// others keep their names.
func (t *tracer) throughExec(at *trail, v vertex, output int64) {
	exec := v.op.GetExec()
	mount := mountOf(exec, output)
	if exec.Meta == nil || mount == nil {
		return
	}
	at.next = inputAt(v.op, mount.Input)
	before := at.file
	if mount.Dest == pb.RootMount {
		before = renamedFrom(exec, at.file)
	}
	o, ok := makes(exec, at.file, before)
	if ok && (o.Compiles != "" || before == at.file) {
		o.Step, o.step, o.spelled, o.Path, o.def = nameOf(t.def, v), v.digest, o.Named, at.file, t.def
		at.found = append(at.found, o)
	}
	in, from := at.next, before
	m := mountAround(exec, before)
	mounted := m != nil && o.Compiles == ""
	if mounted {
		in, from = inputAt(v.op, m.Input), path.Join("/", m.Selector, strings.TrimPrefix(before, path.Clean(m.Dest)))
	}
	switch {
	case before == at.file:
	case isPattern(at.file):
		at.found = append(at.found, t.trace(in, from).all()...)
	case mounted:
		at.certain, at.ends = append(at.certain, t.trace(in, from).all()...), true
	default:
		at.file = before
	}
}

// mountOf is the mount with that output.
func mountOf(exec *pb.ExecOp, output int64) *pb.Mount {
	for _, m := range exec.Mounts {
		if m != nil && m.Output == output {
			return m
		}
	}
	return nil
}

// mountAround is the mount below the root that a path lies in.
func mountAround(exec *pb.ExecOp, p string) *pb.Mount {
	var found *pb.Mount
	for _, m := range exec.Mounts {
		if m != nil && m.Dest != pb.RootMount && m.Input >= 0 && within(p, m.Dest) && (found == nil || within(m.Dest, found.Dest)) {
			found = m
		}
	}
	return found
}

func inputAt(op *pb.Op, i int64) *pb.Input {
	if i < 0 || i >= int64(len(op.Inputs)) {
		return nil
	}
	return op.Inputs[i]
}
