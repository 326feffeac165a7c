//go:build !race

// See breakpoint_test.go for why.

package frontend_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// solves keeps the last definition that a derivation solved: the debug image's.
type solves struct {
	mu   sync.Mutex
	last *pb.Definition
}

// seen lets the frontend's solves be seen.
func (s *solves) seen(build gateway.BuildFunc) gateway.BuildFunc {
	return func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		return build(ctx, seenClient{Client: c, solves: s})
	}
}

type seenClient struct {
	gateway.Client
	solves *solves
}

func (c seenClient) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	if req.Definition != nil {
		c.solves.mu.Lock()
		c.solves.last = req.Definition
		c.solves.mu.Unlock()
	}
	return c.Client.Solve(ctx, req)
}

// steps are the steps of the debug image that were instrumented, and those of them that
// the sources in it come from: they compiled the program.
func (s *solves) steps(t *testing.T) (instrumented, compiled []string) {
	t.Helper()
	type output struct {
		digest string
		index  int64
	}
	captures, used := map[output]string{}, map[output]bool{}
	for _, dt := range s.last.Def {
		var op pb.Op
		if err := op.UnmarshalVT(dt); err != nil {
			t.Fatal(err)
		}
		for _, in := range op.Inputs {
			used[output{in.Digest, in.Index}] = true
		}
		id := digest.FromBytes(dt).String()
		for _, m := range op.GetExec().GetMounts() {
			if m.Dest == layout.Sources {
				name := s.last.Metadata[id].GetDescription()["llb.customname"]
				captures[output{id, m.Output}] = name
				instrumented = append(instrumented, name)
			}
		}
	}
	for at, name := range captures {
		if used[at] {
			compiled = append(compiled, name)
		}
	}
	return instrumented, compiled
}

// checkExplained compares what was said of a derivation ahead with what came of it.
// What was left open is no error.
func checkExplained(t *testing.T, said derive.Explanation, plan variants.Plan, made *solves) {
	t.Helper()
	open := len(said.Warnings) > 0
	for what, is := range map[string]struct{ said, is string }{
		"program": {said.Program, plan.Program.Path},
		"entry":   {string(said.Entry), string(plan.Request.Entry)},
	} {
		if is.said == "" && !open || is.said != "" && is.said != is.is {
			t.Errorf("explain says that the %s is %q, and it is %q; it minds %q", what, is.said, is.is, said.Warnings)
		}
	}
	if said.Refusal != "" {
		t.Errorf("explain refuses what can be derived: %s", said.Refusal)
	}
	if said.Delve != "" && said.Delve != plan.Delve {
		t.Errorf("explain says that Delve is %s (for %s), and it is %s (for %s)", said.Delve, said.Go, plan.Delve, plan.Program.GoVersion)
	}
	if said.Rebuilt != nil {
		return // by a step that is none of the Dockerfile's
	}
	instrumented, compiled := made.steps(t)
	checkSteps(t, said, instrumented, compiled)
	if len(compiled) == 0 {
		t.Error("no step compiled the program")
	}
	if said.Origin != "" && !open && !slices.Contains(compiled, said.Origin) {
		t.Errorf("explain says that the program comes from %s, and %q compiled it", said.Origin, compiled)
	}
}

// checkSteps compares the steps: what was said to be instrumented or not, and was not left
// open, and that those that compiled were expected to.
func checkSteps(t *testing.T, said derive.Explanation, instrumented, compiled []string) {
	t.Helper()
	for _, s := range said.Steps {
		is := slices.Contains(instrumented, s.Name)
		switch expected := s.Treatment == llbgen.TreatmentInstrumented; {
		case expected && !is && !s.Open, !expected && is && !s.NoGo:
			t.Errorf("explain says that %s is %s, and instrumented is %t", s.Name, s.Treatment, is)
		case !expected && slices.Contains(compiled, s.Name) && len(said.Warnings) == 0:
			t.Errorf("explain says that %s is %s, and it compiled the program", s.Name, s.Treatment)
		}
	}
	for _, name := range compiled {
		if !slices.ContainsFunc(said.Steps, func(s llbgen.Surveyed) bool { return s.Name == name }) {
			t.Errorf("explain does not know the step %s, which compiled the program", name)
		}
	}
}

// checkRefused compares what was said of a derivation ahead with what was known once it
// was refused.
func checkRefused(t *testing.T, said derive.Explanation, err error) {
	t.Helper()
	if said.Refusal != "" && !strings.HasSuffix(err.Error(), ": "+said.Refusal) {
		t.Errorf("explain refuses it with %q", said.Refusal)
	}
	var refusal *derive.RefusalError
	if !errors.As(err, &refusal) {
		return // a step that failed
	}
	is := refusal.Explanation
	if said.Program != "" && is.Program != "" && said.Program != is.Program {
		t.Errorf("explain says that the program is %q, and it is %q", said.Program, is.Program)
	}
	if said.Delve != "" && is.Delve != "" && said.Delve != is.Delve {
		t.Errorf("explain says that Delve is %q, and it is %q", said.Delve, is.Delve)
	}
	var compiled []string
	for _, c := range is.Calls {
		compiled = append(compiled, c.Step)
	}
	for _, s := range said.Steps {
		if slices.Contains(compiled, s.Name) && s.Treatment != llbgen.TreatmentInstrumented && !s.NoGo {
			t.Errorf("explain says that %s is %s, and it compiled", s.Name, s.Treatment)
		}
	}
}
