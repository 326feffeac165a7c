// Package imagecheck checks what a debug image promises, by the image alone: it reads every
// layer. The image may be anybody's.
package imagecheck

import (
	"debug/elf"
	"fmt"
	"os"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/dlvgen/dlvgen/variants/delve"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Result is what became of a check.
type Result string

// The results.
const (
	OK         Result = "ok"
	Failed     Result = "failed"
	NotChecked Result = "not checked"
)

// Check is one promise.
type Check struct {
	Name   string `json:"check"`
	Result Result `json:"result"`
	Detail string `json:"detail"`
}

func passed(name, format string, args ...any) Check {
	return Check{name, OK, fmt.Sprintf(format, args...)}
}

func failed(name, format string, args ...any) Check {
	return Check{name, Failed, fmt.Sprintf(format, args...)}
}

// Pinned returns the SHA-256 of a Delve as hex digits, and false where it is not known which
// file it has to be.
type Pinned func(arch, version string) (sum string, known bool, err error)

// Image checks one image with its plan. The error is that of reading the image.
func Image(img v1.Image, plan *variants.Plan, pinned Pinned) ([]Check, error) {
	dir, err := os.MkdirTemp("", "dlvgen-verify-")
	if err != nil {
		return nil, fmt.Errorf("keeping the files of an image: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	program := programOf(plan)
	c, err := read(img, config, dir, program, layout.Delve)
	if err != nil {
		return nil, err
	}
	debugger, err := c.checkDelve(plan, config.Architecture, pinned)
	if err != nil {
		return nil, err
	}
	return []Check{checkLabels(config, plan), c.checkProgram(plan, program), debugger, c.checkSources(plan, program), c.checkSecrets()}, nil
}

// programOf is the file with the debug information of the program.
func programOf(plan *variants.Plan) string {
	switch {
	case plan.Request.Variant.Kind == variants.KindSidecar:
		return layout.SymbolsFile
	case plan.Request.Entry == variants.EntryInplace:
		return plan.Moved()
	}
	return plan.Program.File
}

// checkLabels compares what the labels say with the plan.
func checkLabels(config *v1.ConfigFile, plan *variants.Plan) Check {
	const name = "labels"
	l, err := variants.ParseLabels(config.Config.Labels)
	if err != nil {
		return failed(name, "%s", err)
	}
	for _, pair := range [][3]string{
		{"variant", l.Variant, plan.Request.Variant.Name},
		{"kind", string(l.Kind), string(plan.Request.Variant.Kind)},
		{"sources", string(l.Sources), string(plan.Request.Variant.Sources)},
		{"delve", l.Delve, plan.Delve},
		{"go", l.Go, plan.Program.GoVersion},
		{"program", l.Program, plan.Program.Path},
		{"listen", l.Listen, plan.Request.Listen},
		{"version", l.Version, plan.Version},
	} {
		if pair[1] != pair[2] {
			return failed(name, "%s is %q in the labels, and %q in the plan", pair[0], pair[1], pair[2])
		}
	}
	return passed(name, "they say what the plan says")
}

// checkProgram reads the program's debug information.
func (c *contents) checkProgram(plan *variants.Plan, path string) Check {
	const name = "program"
	file, ok := c.files[path]
	if !ok {
		return failed(name, "the image has no file %s", path)
	}
	if plan.Request.Variant.Kind == variants.KindSidecar {
		if err := hasDWARF(file); err != nil {
			return failed(name, "%s: %s", path, err)
		}
		return passed(name, "%s has the debug information of the production program", path)
	}
	facts, err := readProgram(file)
	switch {
	case err != nil:
		return failed(name, "%s: %s", path, err)
	case !facts.DWARF:
		return failed(name, "%s: %s", path, gobin.ErrNoDWARF)
	case plan.Program.BuildID != "" && facts.BuildID != plan.Program.BuildID:
		return failed(name, "%s is not the program that the plan describes: its build id is another", path)
	case plan.Request.Optimize:
		return passed(name, "%s has debug information, and is optimized as was asked for", path)
	}
	if err := facts.Debuggable(); err != nil {
		return failed(name, "%s: %s", path, err)
	}
	return passed(name, "%s has debug information, and is not optimized", path)
}

func readProgram(file string) (*gobin.Facts, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return gobin.Read(f)
}

func hasDWARF(file string) error {
	f, err := elf.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if f.Section(".debug_info") == nil && f.Section(".zdebug_info") == nil {
		return gobin.ErrNoDWARF
	}
	return nil
}

// checkDelve says whether the debugger is the one that dlvgen puts into images.
func (c *contents) checkDelve(plan *variants.Plan, arch string, pinned Pinned) (Check, error) {
	const name = "debugger"
	file, ok := c.files[layout.Delve]
	if !ok {
		return failed(name, "the image has no file %s", layout.Delve), nil
	}
	facts, err := readProgram(file)
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
	want, known, err := pinned(arch, plan.Delve)
	if err != nil {
		return Check{}, err
	}
	got, err := sumOf(file)
	switch {
	case err != nil:
		return Check{}, err
	case !known:
		return Check{name, NotChecked, fmt.Sprintf("Delve, static; only dlvgen %s knows which file Delve %s is", plan.Version, plan.Delve)}, nil
	case got != want:
		return failed(name, "%s is not the Delve %s of this dlvgen: sha256:%s, not sha256:%s", layout.Delve, plan.Delve, got, want), nil
	}
	return passed(name, "Delve %s, static, the file that this dlvgen has", plan.Delve), nil
}
