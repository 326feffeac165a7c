package imagecheck

import (
	"encoding/hex"
	"fmt"
	"path"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/dlvgen/dlvgen/variants/delve"
)

// Pinned returns the SHA-256 of a tool as hex digits, by its path among the tools of all
// platforms, and false where it is not known which file it has to be.
type Pinned func(tool string) (sum string, known bool, err error)

// checkDebugger says whether Delve and init are those that dlvgen puts into images.
func (c *contents) checkDebugger(pinned Pinned) (Check, error) {
	const name = "debugger"
	plan, arch := c.plan, c.config.Architecture
	file, err := c.keptFile(layout.Delve)
	if err != nil {
		return Check{}, err
	}
	if file == "" {
		return failed(name, "the image has no file %s", layout.Delve), nil
	}
	facts, err := gobin.ReadFile(file)
	switch {
	case err != nil:
		return failed(name, "%s: %s", layout.Delve, err), nil
	case facts.Info.Path != delve.Package:
		return failed(name, "%s is not Delve, but %q", layout.Delve, facts.Info.Path), nil
	case facts.Interpreter != "":
		return failed(name, "%s is not static: it needs %s", layout.Delve, facts.Interpreter), nil
	case facts.GOARCH != arch:
		return failed(name, "%s is for %s, and the image for %s", layout.Delve, facts.GOARCH, arch), nil
	}
	tools := map[string]string{layout.Delve: path.Join(layout.ToolDelve, plan.Delve)}
	if plan.Request.Variant.Kind != variants.KindAttach {
		tools[layout.Init] = layout.ToolInit
	}
	for _, at := range []string{layout.Delve, layout.Init} {
		f := c.tree.fileAt(at)
		if tools[at] == "" || f == nil {
			continue // the plan's check says that it is missing
		}
		want, known, err := pinned(path.Join(layout.Platform(c.config.OS, arch, ""), tools[at]))
		switch got := hex.EncodeToString(f.sum[:]); {
		case err != nil:
			return Check{}, err
		case !known:
			return Check{Name: name, Result: NotChecked, Detail: fmt.Sprintf("Delve, static; only dlvgen %s knows which file Delve %s is", plan.Version, plan.Delve)}, nil
		case got != want:
			return failed(name, "%s is not the file that this dlvgen has (%s): sha256:%s, not sha256:%s", at, tools[at], got, want), nil
		}
	}
	return passed(name, "Delve %s, static, the file that this dlvgen has", plan.Delve), nil
}
