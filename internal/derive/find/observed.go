package find

import (
	"context"

	"github.com/dlvgen/dlvgen/internal/derive/rootfs"
	"github.com/dlvgen/dlvgen/internal/gobin"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// Observed is what an image has that was built.
type Observed struct {
	Root   rootfs.FS
	Config dockerspec.DockerOCIImageConfig

	// Compiles is set where the build compiled any program, and Made tells whether it
	// compiled that one.
	Compiles bool
	Made     func(*gobin.Facts) bool

	// Missed is an error where a program was compiled, and nobody saw it.
	Missed func(*Program) error
}

// At is the file at a path of a result, nil where there is none.
func At(ctx context.Context, root rootfs.FS, at string) (*Program, error) { return open(ctx, root, at) }

// LookUp is the file that a command's first word names, nil where there is none.
func LookUp(ctx context.Context, ev Evidence, word string) (*Program, error) {
	return ev.lookUp(ctx, word)
}

// lookUp implements [Evidence].
func (o Observed) lookUp(ctx context.Context, word string) (*Program, error) {
	for _, at := range candidatePaths(word, o.Config) {
		p, err := open(ctx, o.Root, at)
		if err != nil {
			return nil, err
		}
		if p != nil {
			return o.judged(p), nil
		}
	}
	return nil, nil
}

// judged tells a program whether this build compiled it.
func (o Observed) judged(p *Program) *Program {
	p.Compiled = p.Facts != nil && o.Compiles && o.Made(p.Facts)
	return p
}

func (o Observed) absence() string { return "there is no such file in it" }

func (o Observed) has(ctx context.Context, at string) (bool, error) {
	st, err := o.Root.Stat(ctx, at)
	return st != nil, err
}

func (o Observed) compiles() bool { return o.Compiles }

// isProgram implements [Evidence]: of a program that this build compiled, or any where it
// compiled none.
func (o Observed) isProgram(_ context.Context, p *Program) (bool, error) {
	switch {
	case p.Facts == nil:
		return false, nil
	case p.Compiled || !o.Compiles:
		return true, nil
	}
	return false, o.Missed(p)
}

func (o Observed) isCandidate(_ string, p *Program) bool { return p.Compiled && !p.isDelve() }

// candidates implements [Evidence].
func (o Observed) candidates(ctx context.Context, _ []*Program) ([]*Program, bool, error) {
	if !o.Compiles {
		return nil, true, nil
	}
	found, err := o.search(ctx)
	return found, true, err
}
