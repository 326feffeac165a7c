package frontend

import (
	"context"
	"fmt"
	"strings"

	"github.com/dlvgen/dlvgen/variants"
)

// judgeReadyMade says what becomes of a program of the build context: it is used as it is,
// compiled again, or refused with what to do.
func (e *explainer) judgeReadyMade(ctx context.Context, p *program, from string) error {
	if p.facts == nil {
		return copiedReadyMade(p, from, p.unread, "")
	}
	sidecar := e.request.Variant.Kind == variants.KindSidecar
	if sidecar && !e.request.Rebuild.On() {
		return unknownSymbols(p)
	}
	cause := undebuggable(p, e.request)
	if cause == nil && !sidecar {
		e.out.Ready, e.out.Go = true, p.facts.GoVersion
		return nil
	}
	_, tree, err := readContextTree(ctx, e.client)
	if err != nil {
		return err
	}
	if !e.request.Rebuild.On() {
		return copiedReadyMade(p, from, cause, rebuildAdvice(p.facts.Info, tree))
	}
	return e.rebuild(p, tree)
}

// rebuild says how the program would be compiled again.
func (e *explainer) rebuild(p *program, tree *contextTree) error {
	r, err := planRebuild(e.request.Rebuild, p, tree)
	if err != nil {
		return err
	}
	images, err := golangNames(e.request, p)
	if err != nil {
		return &refusal{err}
	}
	e.out.Rebuilt = &r.record
	e.out.Rebuilt.Image = strings.Join(images, " or ")
	for _, w := range e.out.Rebuilt.Warnings {
		e.warn(fmt.Sprintf("%s would be compiled again: %s", p, w))
	}
	e.out.Go = p.facts.GoVersion
	return nil
}
