package llbgen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// Mode says how the stand-ins compile.
type Mode string

// The modes. Their texts are what the stand-ins read in the step (layout.Mode).
const (
	// ModeDebug switches optimizations off.
	ModeDebug Mode = "debug"
	// ModeOptimized leaves out only what strips debug information.
	ModeOptimized Mode = "optimized"
	// ModeSymbols compiles what production compiles, and keeps the debug
	// information beside it.
	ModeSymbols Mode = "symbols"
)

// InstrumentOptions say what the steps are given.
type InstrumentOptions struct {
	// Tools holds the stand-ins that are mounted into the steps.
	Tools Tools

	// Mode is ModeDebug where it is empty.
	Mode Mode

	// Test is the import path of a package whose tests the steps compile too, "" for none.
	Test string

	// Toolchains is what has been found in the inputs of steps so far, by the
	// step's digest in the definition that is instrumented.
	Toolchains map[digest.Digest]Toolchain

	// Suspected are steps that are instrumented though they are taken not to compile
	// Go (Suspects), by their digests in the definition that is instrumented.
	Suspected map[digest.Digest]bool

	// NoGoCache leaves out the persistent build and module caches.
	NoGoCache bool

	// Merges says that the builder merges (pb.CapMergeOp). Then a step has an output of its
	// own for sources, which is a layer as it is.
	Merges bool

	// CacheNamespace precedes the ids of the caches, as the Dockerfile frontend's
	// BUILDKIT_CACHE_MOUNT_NS does.
	CacheNamespace string
}

// Instrumented is a definition whose compile steps have been given the stand-ins.
type Instrumented struct {
	Definition *pb.Definition

	// Steps are the instrumented steps in the definition's order.
	Steps []*Step

	// Doubtful are steps that have not been instrumented because their stages have no
	// Go: what they run could bring it.
	Doubtful map[digest.Digest]bool

	// Of the definition that was given: what its vertices are here, where they are others,
	// and what it points at.
	renamed map[digest.Digest]digest.Digest
	result  *pb.Input
}

// Instrument gives every step of def that may compile Go the stand-ins, the
// caches and an output for what they capture. Vertices ahead of the first such
// step stay as they are, byte by byte; what follows gets new digests, its
// metadata and source locations taken along. A definition without such a step
// comes back as it was.
func Instrument(def *pb.Definition, opts InstrumentOptions) (*Instrumented, error) {
	parsed, err := Parse(def)
	if err != nil {
		return nil, err
	}
	return parsed.Instrument(opts)
}

// Instrument is the function Instrument, without reading the definition again.
func (p *Parsed) Instrument(opts InstrumentOptions) (*Instrumented, error) {
	in, err := newInstrumented(p, opts)
	if err != nil {
		return nil, err
	}
	out := &Instrumented{Definition: p.def, Doubtful: in.doubtful, result: p.result()}
	if len(in.steps) == 0 {
		return out, nil
	}
	in.out.def.Source = in.source()
	for _, s := range in.steps {
		s.definition = in.out.def
	}
	out.Definition, out.Steps = in.out.def, in.steps
	out.renamed = make(map[digest.Digest]digest.Digest)
	for i, to := range in.renamed {
		if to != "" {
			out.renamed[p.vertices[i].digest] = to
		}
	}
	return out, nil
}

// newInstrumented visits all vertices of a definition.
func newInstrumented(p *Parsed, opts InstrumentOptions) (*instrumenter, error) {
	in := &instrumenter{
		Parsed:     p,
		opts:       opts,
		out:        newBuilderOf(len(p.vertices)),
		renamed:    make([]digest.Digest, len(p.vertices)),
		inherited:  make([]located, len(p.vertices)),
		pending:    make([]bool, len(p.vertices)),
		reasons:    make([]string, len(p.vertices)),
		keeps:      make([]bool, len(p.vertices)),
		changed:    make([]bool, len(p.vertices)),
		doubtful:   map[digest.Digest]bool{},
		toolchains: make([]located, len(p.vertices)),
		compiles:   make([]bool, len(p.vertices)),
		ours:       map[string]*pb.Input{},
	}
	in.lookAll()
	in.keepModules()
	for i := range p.vertices {
		if err := in.visit(i); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// instrumenter is the state of one call of Instrument.
type instrumenter struct {
	*Parsed
	opts InstrumentOptions
	out  *builder

	// By vertex: its digest in out where it is another, the toolchain that goes on
	// from its root file system, whether it depends on a step that nobody has looked
	// into, why it may compile, whether it keeps the modules that it downloads,
	// whether it or what it depends on is instrumented, whether it is a step that may
	// compile, and that step's toolchain.
	renamed    []digest.Digest
	inherited  []located
	pending    []bool
	reasons    []string
	keeps      []bool
	changed    []bool
	compiles   []bool
	toolchains []located

	ours     map[string]*pb.Input // by name and platform
	steps    []*Step
	doubtful map[digest.Digest]bool // steps left as they are because their stages have no Go
}

// lookAll finds out which steps may compile Go, with which toolchain, or strip what was
// compiled.
func (in *instrumenter) lookAll() {
	clear(in.doubtful)
	for i, v := range in.vertices {
		inherited := in.inheritedBy(v)
		in.reasons[i] = ""
		in.changed[i] = slices.ContainsFunc(v.inputs, func(i int) bool { return in.changed[i] })
		if exec := v.op.GetExec(); exec != nil && exec.Meta != nil && isLinux(v.op.Platform) {
			at := in.toolchainOf(v, inherited)
			if in.keeps[i] {
				at.ModCache = ""
			}
			if in.reasons[i] = in.reasonOf(i, at); in.reasons[i] != "" {
				in.toolchains[i], in.compiles[i], in.changed[i] = at, true, true
			} else if in.scripts[i].mayCompile(located{}) != "" {
				in.doubtful[v.digest] = true
			}
		}
		in.inherited[i] = in.left(i, inherited)
	}
}

// reasonOf says why a step is instrumented, "" where it is not.
func (in *instrumenter) reasonOf(i int, at located) string {
	s := in.scripts[i]
	reason := s.mayCompile(at)
	if reason == "" && (s.Strips() && in.changed[i] || in.opts.Suspected[in.vertices[i].digest]) {
		reason = s.Doubt()
	}
	return reason
}

// visit copies a vertex to the new definition, instrumented if there is a reason, and
// re-digested if anything before it changed.
func (in *instrumenter) visit(i int) error {
	v, reason := in.vertices[i], in.reasons[i]
	in.pending[i] = slices.ContainsFunc(v.inputs, func(i int) bool { return in.pending[i] })
	switch {
	case reason != "":
		return in.instrument(i, reason)
	case !slices.ContainsFunc(v.inputs, func(i int) bool { return in.renamed[i] != "" }):
		in.keep(i, v)
		return nil
	}
	inputs := make([]digest.Digest, len(v.inputs))
	for n, at := range v.inputs {
		inputs[n] = in.renamed[at]
	}
	dt, err := repointed(v, inputs)
	if err != nil {
		return err
	}
	in.keep(i, vertex{digest: digestOf(dt), bytes: dt})
	return nil
}

// keep adds the renewed vertex in place of the old one.
func (in *instrumenter) keep(i int, renewed vertex) {
	old := in.vertices[i]
	if renewed.digest != old.digest {
		in.renamed[i] = renewed.digest
	}
	add := in.out.add
	if i == len(in.vertices)-1 {
		add = in.out.end
	}
	add(renewed, in.def.Metadata[string(old.digest)])
}

// instrument adds the step with the stand-ins mounted.
func (in *instrumenter) instrument(i int, reason string) error {
	v := in.vertices[i]
	located := in.toolchains[i]
	step := &Step{
		Digest:    v.digest,
		Name:      nameOf(in.def, v),
		Env:       v.op.GetExec().Meta.Env,
		User:      v.op.GetExec().Meta.User,
		Reason:    reason,
		Toolchain: located.Toolchain,
		Located:   located.known,
	}
	op := v.op.CloneVT()
	for n, at := range v.inputs {
		if to := in.renamed[at]; to != "" {
			op.Inputs[n].Digest = string(to)
		}
	}
	if root := rootMount(op.GetExec()); root != nil && root.Input >= 0 && root.Input < int64(len(op.Inputs)) {
		step.input = op.Inputs[root.Input].CloneVT()
		step.waits = in.pending[v.inputs[root.Input]]
	}
	if !step.Located {
		in.pending[i] = true
	}
	m := &mounter{in: in, op: op, script: in.scripts[i], platform: platformOf(op)}
	mounts, outputs, err := m.mountAll(located.Toolchain)
	if err != nil {
		return fmt.Errorf("instrumenting %q: %w", step.Name, err)
	}
	renewed, err := encode(op)
	if err != nil {
		return err
	}
	in.keep(i, renewed)
	step.Vertex, step.Mounts, step.Platform = renewed.digest, mounts, m.platform.Spec()
	step.capture = &pb.Input{Digest: string(renewed.digest), Index: outputs[layout.Capture]}
	if index, ok := outputs[layout.Sources]; ok {
		step.sources = &pb.Input{Digest: string(renewed.digest), Index: index}
	}
	in.steps = append(in.steps, step)
	return nil
}

// nameOf is what the progress display calls the vertex.
func nameOf(def *pb.Definition, v vertex) string {
	if name := def.Metadata[string(v.digest)].GetDescription()["llb.customname"]; name != "" {
		return name
	}
	return strings.Join(v.op.GetExec().Meta.Args, " ")
}

// source is the source map of the new definition: every location under the new
// digest of its vertex.
func (in *instrumenter) source() *pb.Source {
	if in.def.Source == nil {
		return nil
	}
	moved := make(map[string]*pb.Locations, len(in.def.Source.Locations))
	for dgst, l := range in.def.Source.Locations {
		i, ok := in.index[digest.Digest(dgst)]
		if !ok {
			continue
		}
		if renewed := in.renamed[i]; renewed != "" {
			dgst = string(renewed)
		}
		moved[dgst] = l
	}
	return &pb.Source{Locations: moved, Infos: in.def.Source.Infos}
}

func isLinux(p *pb.Platform) bool {
	return p == nil || p.OS == "" || p.OS == "linux"
}

// Suspects are the steps of the definition def, as it was before, that have not been
// instrumented and that a file may come from all the same: what they run could lead to
// a compiler.
func (i *Instrumented) Suspects(def *pb.Definition, file string) ([]digest.Digest, error) {
	origins, err := Origins(def, file)
	var suspects []digest.Digest
	for _, o := range origins {
		instrumented := slices.ContainsFunc(i.Steps, func(s *Step) bool { return s.Digest == o.step })
		if o.Compiles != "" && !instrumented && !slices.Contains(suspects, o.step) {
			suspects = append(suspects, o.step)
		}
	}
	return suspects, err
}

// Unlocated lists the steps whose toolchain nobody has looked for, though their
// inputs depend on no other such step: they can be looked into now.
func (i *Instrumented) Unlocated() []*Step {
	var ready []*Step
	for _, s := range i.Steps {
		if !s.Located && !s.waits {
			ready = append(ready, s)
		}
	}
	return ready
}
