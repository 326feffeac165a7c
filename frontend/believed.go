package frontend

import (
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/llbgen"
)

// believed are the origins of a word without steps that nothing but their unknown
// commands leads to: those that are not instrumented, and, for a name along PATH, those
// whose stage may have no Go.
func (e *explainer) believed(word string, origins []llbgen.Origin) []llbgen.Origin {
	var kept []llbgen.Origin
	for _, o := range origins {
		if i := slices.IndexFunc(e.out.Steps, func(s llbgen.Surveyed) bool { return s.Makes(o) }); i >= 0 && o.Compiles != "" {
			s := e.out.Steps[i]
			compiles := s.Treatment == llbgen.TreatmentInstrumented
			if !o.Likely && !o.Named && (!compiles || s.Open && !strings.Contains(word, "/")) {
				continue
			}
			if !compiles && !s.NoGo {
				o.Compiles = ""
			}
		}
		kept = append(kept, o)
	}
	return kept
}
