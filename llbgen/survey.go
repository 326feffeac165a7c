package llbgen

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// Treatment says what becomes of a RUN step.
type Treatment string

// The treatments.
const (
	// TreatmentInstrumented steps compile with the stand-ins.
	TreatmentInstrumented Treatment = "instrumented"
	// TreatmentCached steps are production's own: their results come from its cache.
	TreatmentCached Treatment = "cached"
	// TreatmentRepeated steps run again because something ahead of them differs.
	TreatmentRepeated Treatment = "repeated"
)

// Surveyed is one RUN step of a definition.
type Surveyed struct {
	// Name is what the progress display calls the step.
	Name string `json:"name"`

	Treatment Treatment `json:"treatment"`

	// Reason says why the step is thought to compile Go, or, where it is not
	// instrumented, why it could after all.
	Reason string `json:"reason,omitempty"`

	// Open is set for a step that is instrumented only if its stage turns out to have
	// Go.
	Open bool `json:"open,omitempty"`

	// NoGo is set for a step that is not instrumented because its stage has no Go.
	NoGo bool `json:"noGo,omitempty"`

	// Go is the version of Go that the step's environment names, as official images
	// do: "1.26.8". Empty where it names none, or the go command chooses one.
	Go string `json:"go,omitempty"`

	// Line is the step's first line in the Dockerfile, 0 where that is not known.
	Line int `json:"line,omitempty"`

	digest digest.Digest
}

// Makes tells whether the step is what a file comes from.
func (s Surveyed) Makes(o Origin) bool { return s.digest != "" && s.digest == o.step }

// Survey says what Instrument does with each RUN step, in the definition's order.
// Where a stage is neither among opts.Toolchains nor known to have no Go, it is taken
// to have Go.
func Survey(def *pb.Definition, opts InstrumentOptions) ([]Surveyed, error) {
	p, err := Parse(def)
	if err != nil {
		return nil, err
	}
	in, err := newInstrumented(p, opts)
	if err != nil {
		return nil, err
	}
	var list []Surveyed
	for i, v := range p.vertices {
		if v.op.GetExec().GetMeta() != nil {
			list = append(list, in.surveyed(i))
		}
	}
	return list, nil
}

// surveyed is what becomes of a step.
func (in *instrumenter) surveyed(i int) Surveyed {
	v := in.vertices[i]
	meta := v.op.GetExec().Meta
	s := Surveyed{Name: nameOf(in.def, v), Treatment: TreatmentCached, Line: in.lineOf(v), digest: v.digest}
	if isLinux(v.op.Platform) {
		s.Reason = in.scripts[i].Doubt()
	}
	at := in.toolchains[i]
	switch {
	case in.compiles[i]:
		s.Treatment, s.Go = TreatmentInstrumented, GoVersion(meta.Env)
		if slices.ContainsFunc(meta.Args, func(arg string) bool { return strings.Contains(arg, "GOTOOLCHAIN") }) {
			s.Go = ""
		}
		if likely := in.scripts[i].mayCompile(at); likely != "" {
			s.Reason, s.Open = likely, !at.known && !leadsToGo(meta.Env) && !in.scripts[i].speaksOfGo
		}
	case in.renamed[i] != "":
		s.Treatment = TreatmentRepeated
	}
	s.NoGo = in.doubtful[v.digest]
	return s
}

// GoVersion is the version of Go that an environment names, "1.26.8": the toolchain that it
// asks for, or the image's. Empty where it names none, or go.mod may ask for another.
func GoVersion(env []string) string {
	asked := Variable(env, "GOTOOLCHAIN")
	if asked == "" || asked == "local" {
		return Variable(env, "GOLANG_VERSION")
	}
	version, ok := strings.CutPrefix(asked, "go")
	if !ok || strings.Contains(version, "+") {
		return ""
	}
	return version
}

// Variable is the value of an environment variable, the last one if it is set twice.
func Variable(env []string, name string) string {
	for _, e := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return ""
}

// lineOf is the first line of the vertex in its source.
func (in *instrumenter) lineOf(v vertex) int {
	if in.def.Source == nil {
		return 0
	}
	for _, l := range in.def.Source.Locations[string(v.digest)].GetLocations() {
		if len(l.Ranges) > 0 && l.Ranges[0].Start != nil {
			return int(l.Ranges[0].Start.Line)
		}
	}
	return 0
}
