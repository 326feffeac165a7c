package derive

import (
	"context"
	"fmt"
	"io/fs"
	"path"

	"github.com/dlvgen/dlvgen/internal/derive/find"
	"github.com/dlvgen/dlvgen/internal/derive/refuse"
	"github.com/dlvgen/dlvgen/internal/derive/rootfs"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/shim/manifest"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// tested are the tests of a package, with the step that compiled them.
type tested struct {
	variants.Test
	capture capture

	// file is their program, and data has their folder at its absolute path.
	file string
	data captured
}

// test plans a variant that starts the tests of a package, compiled as the program was.
func (d *derivation) test(ctx context.Context) (*variants.Plan, error) {
	if len(d.captures) == 0 {
		return nil, refuse.TestsNotCompiled(d.request.Test, d.program.Path, d.production.Name)
	}
	var err error
	if d.tested, err = testsOf(d.request.Test, d.program, d.captures); err != nil {
		return nil, err
	}
	own, err := d.root().Stat(ctx, d.tested.Data())
	if err != nil {
		return nil, fmt.Errorf("looking for testdata in the image: %w", err)
	}
	d.tested.InProduction = own != nil
	made, err := find.At(ctx, rootfs.FS{Ref: d.tested.capture.ref}, d.tested.file)
	if err != nil {
		return nil, err
	}
	if made == nil || made.Facts == nil {
		return nil, fmt.Errorf("%q left no tests of %s that can be debugged", d.tested.capture.step.Name, d.request.Test)
	}
	at := path.Join(layout.Program, path.Base(d.tested.file))
	d.program = &find.Program{Path: at, File: at, Args: d.request.TestArgs, Facts: made.Facts, Stat: &fstypes.Stat{Mode: uint32(fs.FileMode(0o755))}}
	if cause := d.program.Debuggable(d.request); cause != nil {
		return nil, fmt.Errorf("the tests of %s cannot be debugged: %w", d.request.Test, cause)
	}
	return d.plan(ctx)
}

// testsOf finds the tests that were compiled beside the program.
func testsOf(pkg string, p *find.Program, captures []capture) (*tested, error) {
	is := func(made manifest.Program) bool {
		return made.BuildID != "" && made.BuildID == p.Facts.BuildID || made.ImportPath == p.Facts.Info.Path
	}
	missing, module := manifest.MissingPackage, ""
	for _, c := range captures {
		for _, m := range c.calls(is) {
			switch {
			case m.Test == nil:
				continue
			case m.Test.Missing == "":
				in := func(name string) string { return path.Join(llbgen.CaptureRoot(), name) }
				return &tested{
					Test: variants.Test{Package: m.Test.ImportPath, Dir: m.Test.Dir}, capture: c, file: in(m.Test.File),
					data: captured{ref: c.ref, state: c.state, folder: in(m.Test.Data)},
				}, nil
			case m.Test.Missing == manifest.MissingTests:
				missing = m.Test.Missing
			}
			module = m.Module
		}
	}
	if missing == manifest.MissingTests {
		return nil, refuse.NoTests(pkg, captures[0].step.Name)
	}
	return nil, refuse.NoSuchPackage(pkg, module, captures[0].step.Name, p.Path)
}
