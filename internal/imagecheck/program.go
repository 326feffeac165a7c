package imagecheck

import (
	"debug/buildinfo"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/variants"
)

// program is a Go program of an image, other than the one that is debugged.
type program struct {
	importPath, module string
	debuggable         bool
}

// programIn is nil for what is no Go program.
func programIn(f *os.File) *program {
	if _, err := buildinfo.Read(f); err != nil {
		return nil
	}
	facts, err := gobin.Read(f)
	if err != nil {
		return nil
	}
	return &program{facts.Info.Path, facts.Info.Main.Path, facts.Debuggable() == nil}
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

// checkProgram reads the program's debug information.
func (c *contents) checkProgram() (Check, error) {
	const name = "program"
	plan, path := c.plan, programOf(c.plan)
	file, err := c.keptFile(path)
	if err != nil {
		return Check{}, err
	}
	if file == "" {
		c.blamed[path] = true
		return failed(name, "the image has no file %s", path), nil
	}
	if plan.Request.Variant.Kind == variants.KindSidecar {
		return c.checkSymbols(path, file)
	}
	facts, err := gobin.ReadFile(file)
	switch {
	case err != nil:
		return failed(name, "%s: %s", path, err), nil
	case !facts.DWARF:
		return failed(name, "%s: %s", path, gobin.ErrNoDWARF), nil
	case facts.BuildID != plan.Program.BuildID:
		return failed(name, "%s is not the program that the plan describes: its build id is another", path), nil
	}
	debug, err := readDebugInfo(file, c.ofMainModule)
	if err != nil {
		return failed(name, "%s: its debug information cannot be read: %s", path, err), nil
	}
	check := checkUnits(path, plan, facts, debug)
	if check.Result == OK {
		c.debug = debug
	}
	return check, nil
}

// checkUnits says whether the packages of a program were compiled for debugging.
func checkUnits(path string, plan *variants.Plan, facts *gobin.Facts, info *debugInfo) Check {
	const name = "program"
	if plan.Request.Optimize {
		return passed(name, "%s has debug information, and is optimized as was asked for", path)
	}
	if err := facts.Debuggable(); err != nil {
		return failed(name, "%s: %s", path, err)
	}
	optimized := info.optimized()
	switch all := len(info.units); {
	case len(optimized) == 0:
		return passed(name, "%s has debug information, and is not optimized (%d packages)", path, all)
	case slices.ContainsFunc(facts.Info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-gcflags" && s.Value == "all=-N -l" }):
		return failed(name, "%s: %d of %d packages were compiled without -N -l, although its build information says otherwise: %s", path, len(optimized), all, first(optimized))
	default: // production's own program, which was debuggable as it was
		return passed(name, "%s has debug information, and its main module is not optimized; %d of %d packages are", path, len(optimized), all)
	}
}

// checkSymbols checks what a sidecar has of production's program.
func (c *contents) checkSymbols(path, file string) (Check, error) {
	const name = "program"
	debug, err := readDebugInfo(file, c.ofMainModule)
	if err != nil {
		return failed(name, "%s: its debug information cannot be read: %s", path, err), nil
	}
	if len(debug.units) == 0 {
		return failed(name, "%s: %s", path, gobin.ErrNoDWARF), nil
	}
	sections, err := gobin.FileSections(file)
	if err != nil {
		return failed(name, "%s: %s", path, err), nil
	}
	if c.plan.Symbols == nil {
		return failed(name, "the plan names no symbols"), nil
	}
	if err := gobin.Compare(sections, c.plan.Symbols.Sections); err != nil {
		return failed(name, "%s: these are not the symbols of the program that the plan describes: %s", path, err), nil
	}
	c.debug = debug
	if c.production == nil {
		return passed(name, "%s has the debug information of the production program", path), nil
	}
	production, err := c.production.keptFile(c.plan.Program.File)
	switch {
	case err != nil:
		return Check{}, err
	case production == "":
		return failed(name, "production has no file %s", c.plan.Program.File), nil
	}
	theirs, err := gobin.FileSections(production)
	if err == nil {
		err = gobin.Compare(sections, theirs)
	}
	if err != nil {
		return failed(name, "%s: these are not the symbols of production's %s: %s", path, c.plan.Program.File, err), nil
	}
	return passed(name, "%s has the debug information of production's %s", path, c.plan.Program.File), nil
}

// first are the first of some names, on one line.
func first(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + " and others"
}
