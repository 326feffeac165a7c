package llbgen

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
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

	// Reason says why the step is thought to compile Go.
	Reason string `json:"reason,omitempty"`

	// Go is the version of Go that the step's environment names, as official images
	// do: "1.26.8". Empty where it names none.
	Go string `json:"go,omitempty"`

	// Line is the step's first line in the Dockerfile, 0 where that is not known.
	Line int `json:"line,omitempty"`
}

// Survey says what Instrument does with each RUN step, in the definition's order.
func Survey(def *pb.Definition, opts InstrumentOptions) ([]Surveyed, error) {
	in, err := newInstrumented(def, opts)
	if err != nil {
		return nil, err
	}
	reasons := map[string]string{}
	for _, s := range in.steps {
		reasons[string(s.Digest)] = s.Reason
	}
	var list []Surveyed
	for _, v := range in.order {
		if v.op.GetExec() == nil || v.op.GetExec().Meta == nil {
			continue
		}
		s := Surveyed{Name: in.nameOf(v), Treatment: TreatmentCached, Reason: reasons[string(v.digest)], Line: in.lineOf(v)}
		switch {
		case s.Reason != "":
			s.Treatment, s.Go = TreatmentInstrumented, variable(v.op.GetExec().Meta.Env, "GOLANG_VERSION")
		case in.renamed[string(v.digest)] != string(v.digest):
			s.Treatment = TreatmentRepeated
		}
		list = append(list, s)
	}
	return list, nil
}

// variable is the value of an environment variable, the last one if it is set twice.
func variable(env []string, name string) string {
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
