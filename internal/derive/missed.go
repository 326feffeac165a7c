package derive

import (
	"fmt"
	"maps"
	"slices"

	"github.com/dlvgen/dlvgen/internal/derive/find"
	"github.com/dlvgen/dlvgen/variants"
	digest "github.com/opencontainers/go-digest"
)

// missedError says that the program may be the work of steps that were not instrumented,
// or stripped by them.
type missedError struct{ suspects []digest.Digest }

func (e *missedError) Error() string {
	return fmt.Sprintf("%d steps were assumed not to compile Go, and may have compiled the program, or stripped it", len(e.suspects))
}

// missed is a missedError where p cannot be used as it is, and steps that were not
// instrumented may be the reason.
func (d *derivation) missed(p *find.Program) error {
	suspects, err := d.suspects(p)
	suspects = slices.DeleteFunc(suspects, func(s digest.Digest) bool { return d.made.suspected[s] })
	if err != nil || len(suspects) == 0 {
		return err
	}
	return &missedError{suspects}
}

// suspects are the steps that may have compiled p after all, or stripped it.
func (d *derivation) suspects(p *find.Program) ([]digest.Digest, error) {
	switch {
	case p == nil:
		return nil, nil
	case p.Facts == nil:
		return d.behindScript(p), nil
	case d.request.Variant.Kind == variants.KindSidecar && len(makers(d.captures, p.Facts)) > 0:
		return nil, nil // production's may be stripped
	case d.request.Variant.Kind != variants.KindSidecar && p.Debuggable(d.request) == nil:
		return nil, nil
	}
	return d.made.Suspects(d.made.before.Definition, p.Path)
}

// behindScript are all steps that may have compiled what a script starts, where nothing
// else compiled anything.
func (d *derivation) behindScript(p *find.Program) []digest.Digest {
	if p.RunsScript() && !compiles(d.captures) {
		return slices.Collect(maps.Keys(d.made.Doubtful))
	}
	return nil
}
