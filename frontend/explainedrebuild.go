package frontend

import (
	"context"
	"fmt"
	"strings"

	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/frontend/dockerui"
)

// readyMade says what becomes of a program of the build context: it is used as it is,
// compiled again, or refused with what to do.
func (e *explainer) readyMade(ctx context.Context, p *program, from string) error {
	if p.facts == nil {
		e.out.Refusal = fmt.Sprintf("%s is copied ready-made from %s, and is no Go program: %v", p, from, p.unread)
		return nil
	}
	sidecar := e.request.Variant.Kind == variants.KindSidecar
	if sidecar && !e.request.Rebuild.On() {
		e.out.Refusal = unknownSymbols(p).Error()
		return nil
	}
	cause := undebuggable(p, e.request)
	if cause == nil && !sidecar {
		e.out.Ready, e.out.Go = true, p.facts.GoVersion
		return nil
	}
	bc, err := dockerui.NewClient(e.client)
	if err != nil {
		return err
	}
	tree, err := readContextTree(ctx, bc, e.client)
	if err != nil {
		return err
	}
	if !e.request.Rebuild.On() {
		e.out.Refusal = fmt.Sprintf("%s is copied ready-made from %s (%s), and cannot be debugged: %v: %s",
			p, from, p.what(), cause, rebuildAdvice(p.facts.Info, tree))
		return nil
	}
	return e.rebuild(p, tree)
}

// rebuild says how the program would be compiled again.
func (e *explainer) rebuild(p *program, tree *contextTree) error {
	info := p.facts.Info
	source, err := chooseRebuild(e.request.Rebuild, info, tree)
	if err != nil {
		e.out.Refusal = fmt.Sprintf("--rebuild cannot compile %s, %s: %v; compile it in the Dockerfile", p, p.what(), err)
		return nil
	}
	images, err := golangNames(e.request, p)
	if err != nil {
		e.out.Refusal = err.Error()
		return nil
	}
	r := llbgen.Rebuild{Program: p.path, Info: info, DWARF: p.facts.DWARF, Symtab: p.facts.Symtab}
	e.out.Rebuilt = &variants.Rebuilt{
		From: source.kind, Revision: llbgen.Setting(info, "vcs.revision"), Image: strings.Join(images, " or "),
		Command: r.ContextCommand(), Warnings: source.differences(info, tree),
	}
	if source.kind == variants.RebuildModule {
		e.out.Rebuilt.Version, e.out.Rebuilt.Command = info.Main.Version, r.ModuleCommand()
	}
	for _, w := range e.out.Rebuilt.Warnings {
		e.warn(fmt.Sprintf("%s would be compiled again: %s", p, w))
	}
	e.out.Go = p.facts.GoVersion
	return nil
}
