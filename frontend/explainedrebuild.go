package frontend

import (
	"context"
	"fmt"
	"strings"

	"github.com/dlvgen/dlvgen/llbgen"
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
	info := p.facts.Info
	source, err := chooseRebuild(e.request.Rebuild, info, tree)
	if err != nil {
		return notRebuilt(p, err)
	}
	images, err := golangNames(e.request, p)
	if err != nil {
		return &refusal{err}
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
