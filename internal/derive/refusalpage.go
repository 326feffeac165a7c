package derive

import (
	"context"
	"errors"

	"github.com/moby/buildkit/solver/errdefs"

	"github.com/dlvgen/dlvgen/internal/shim/manifest"
	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/dlvgen/dlvgen/llbgen"
)

// RefusalError says why there can be no debug image of a Dockerfile that was built.
// Its text is the reason, on one line.
type RefusalError struct {
	// Explanation is that of [Deriver.Explain], with what the build showed.
	Explanation Explanation

	cause error
}

// Error is the cause's text. The names in it are the image's, and stay on the line too.
func (e *RefusalError) Error() string { return visible.Line(e.cause.Error()) }

// Unwrap returns the cause.
func (e *RefusalError) Unwrap() error { return e.cause }

// Call is one call of the go command that compiled programs.
type Call struct {
	// Step is what the progress display calls the step that made the call.
	Step string `json:"step"`

	// Dir is the folder in which go ran, and Go its version, "go1.26.8".
	Dir string `json:"dir"`
	Go  string `json:"go"`

	// Before is the command line as the step gave it, After as it was run; the same
	// for GOFLAGS.
	Before        []string `json:"before"`
	After         []string `json:"after"`
	GoflagsBefore string   `json:"goflagsBefore,omitempty"`
	GoflagsAfter  string   `json:"goflagsAfter,omitempty"`

	// Programs are the paths of what was compiled, import paths where nothing was
	// kept.
	Programs []string `json:"programs"`
}

// refused adds to a refusal what is known after the build. A step that fails is no
// refusal, and its error stays as it is.
func (d *derivation) refused(ctx context.Context, all []capture, cause error) error {
	var step *errdefs.VertexError
	if ctx.Err() != nil || errors.As(cause, &step) {
		return cause
	}
	e := &explainer{Deriver: d.Deriver, image: d.image, made: d.made}
	if err := e.explain(ctx); err != nil {
		return cause // which tells more than why it cannot be explained
	}
	out := e.out
	out.Refusal, out.Layers, out.Warnings, out.Ready = cause.Error(), nil, nil, false
	if p := d.program; p != nil {
		out.Program, out.Detour = p.Path, p.Command.Detour
		if p.Facts != nil {
			out.Go = p.Facts.GoVersion
		}
		if len(d.captures) > 0 && p.Facts != nil {
			out.Origin = d.captures[0].step.Name
		}
	}
	for _, c := range all {
		for _, m := range c.manifests {
			out.Calls = append(out.Calls, callOf(c.step, m))
		}
	}
	return &RefusalError{Explanation: out, cause: cause}
}

func callOf(step *llbgen.Step, m manifest.Manifest) Call {
	c := Call{
		Step: step.Name, Dir: m.Dir, Go: m.GoVersion,
		Before: append([]string{"go"}, m.ArgsBefore...), After: append([]string{"go"}, m.ArgsAfter...),
		GoflagsBefore: m.GoflagsBefore, GoflagsAfter: m.GoflagsAfter,
	}
	for _, p := range m.Programs {
		if p.Output != "" {
			c.Programs = append(c.Programs, p.Output)
			continue
		}
		c.Programs = append(c.Programs, p.ImportPath)
	}
	return c
}
