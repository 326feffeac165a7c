package find

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/internal/derive/refuse"
	"github.com/dlvgen/dlvgen/internal/derive/rootfs"
	"github.com/dlvgen/dlvgen/internal/shell"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/moby/buildkit/frontend/gateway/client"
)

// Predicted is what can be told of an image without building: base images are not fetched.
type Predicted struct {
	Client client.Client // which has the build context
	Image  production.Image
	Source string // of the image, as messages call it
	Steps  []llbgen.Surveyed

	// contexts are the file systems that files were looked up in, by their sources.
	contexts map[string]rootfs.FS
}

// lookUp implements [Evidence]. What the build context or the Dockerfile has is read.
func (e *Predicted) lookUp(ctx context.Context, word string) (*Program, error) {
	o, at, err := e.originOf(ctx, word)
	if err != nil || o.Step == "" && o.Source == "" && !o.Readable() {
		return nil, err
	}
	p := &Program{Path: at, File: at, from: o, Compiled: o.Likely && o.compiles(at)}
	if !o.Readable() {
		return p, nil
	}
	_, found, err := e.look(ctx, o.Origin)
	if err != nil || found == nil {
		return p, err
	}
	p.Stat, p.root, p.source = found.Stat, found.root, found.source
	return p, p.read(ctx)
}

// compiles tells whether a step may compile what it puts at a path.
func (o likeliest) compiles(at string) bool { return o.Compiles != "" && path.Ext(at) != ".sh" }

// missing tells whether the file should be in the build context and is not.
func (p *Program) missing() bool { return p.from.Readable() && p.Stat == nil }

// unknown tells whether nothing is known of the file: it is an image's own, or a step
// fetches it, and it is not called as a shell or an interpreter is.
func (p *Program) unknown() bool {
	return p.Stat == nil && !p.missing() && !shell.IsOtherTool(p.Path)
}

func (e *Predicted) absence() string { return "nothing in " + e.Source + " makes such a file" }

func (e *Predicted) has(ctx context.Context, at string) (bool, error) {
	o, _, err := e.originOf(ctx, at)
	return o.Named || o.there, err
}

func (e *Predicted) compiles() bool { return e.Compiles() }

// Compiles tells whether any step may compile Go.
func (e *Predicted) Compiles() bool {
	return slices.ContainsFunc(e.Steps, func(s llbgen.Surveyed) bool { return s.Treatment == llbgen.TreatmentInstrumented })
}

// SurelyCompiles tells whether a step compiles Go in a stage that is known to have it.
func (e *Predicted) SurelyCompiles() bool {
	return slices.ContainsFunc(e.Steps, func(s llbgen.Surveyed) bool { return s.Treatment == llbgen.TreatmentInstrumented && !s.Open })
}

// isProgram implements [Evidence]: of what a step compiles, and of Go programs in the build
// context where no step compiles any.
func (e *Predicted) isProgram(_ context.Context, p *Program) (bool, error) {
	switch {
	case len(p.from.others) > 0:
		return false, undecided(p)
	case p.commandLine().Parsed && !p.Compiled:
		return false, nil
	case p.from.compiles(p.Path):
		return true, nil
	case p.missing():
		return false, refuse.NotCopied(p.Path, p.Origin())
	}
	return p.Facts != nil && !e.SurelyCompiles(), nil
}

// undecided says between which files only a build can decide. Where steps make all of
// them, the program is the one that is copied.
func undecided(p *Program) error {
	open, names := &OpenError{Program: p.Path}, []string{p.Origin()}
	for _, o := range p.from.others {
		names = append(names, describe(o))
		if o.Step == "" {
			open.Program = ""
		}
	}
	open.what = fmt.Sprintf("%s is the last of the files that match %s: only a build can tell whether it comes from %s", p, p.from.Path, strings.Join(names, " or "))
	return open
}

func (e *Predicted) isCandidate(word string, p *Program) bool {
	return p.Compiled && !p.isDelve() && (p.from.Named || strings.Contains(word, "/"))
}

// candidates implements [Evidence]: those that the Dockerfile names, or, where there are
// none, paths that copied folders may have.
func (e *Predicted) candidates(_ context.Context, named []*Program) ([]*Program, bool, error) {
	surely := slices.DeleteFunc(slices.Clone(named), func(p *Program) bool { return !p.from.Named })
	if len(surely) > 0 {
		return surely, false, nil
	}
	return named, false, nil
}

// Copied names the file of the build context that a COPY brings to a path, "" where it is
// none.
func (e *Predicted) Copied(ctx context.Context, at string) (string, error) {
	p, err := e.lookUp(ctx, at)
	if err != nil || p == nil || !p.from.Readable() || p.Stat == nil {
		return "", err
	}
	return p.Origin(), nil
}
