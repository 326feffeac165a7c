package derive

import (
	"context"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive/find"
	"github.com/dlvgen/dlvgen/internal/derive/rootfs"
	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/shim/manifest"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
)

// symbols is the debug information of a production binary, with where a step left
// it.
type symbols struct {
	variants.Symbols
	capture capture
	path    string
}

// symbolsOf finds the symbols that were kept of the program when it was linked, and
// proves section by section that they are its own.
func symbolsOf(ctx context.Context, p *find.Program, captures []capture) (*symbols, error) {
	s, err := keptSymbols(p, captures)
	if err != nil {
		return nil, err
	}
	kept, err := find.At(ctx, rootfs.FS{Ref: s.capture.ref}, s.path)
	if err != nil {
		return nil, err
	}
	if kept == nil || kept.Facts == nil || !kept.Facts.DWARF {
		return nil, fmt.Errorf("the symbols of %s that %q kept have no debug information", p, s.capture.step.Name)
	}
	theirs, err := gobin.Sections(p.Reader(ctx))
	if err != nil {
		return nil, fmt.Errorf("reading the sections of %s: %w", p, err)
	}
	ours, err := gobin.Sections(kept.Reader(ctx))
	if err != nil {
		return nil, fmt.Errorf("reading the sections of the symbols of %s: %w", p, err)
	}
	if err := gobin.Compare(ours, theirs); err != nil {
		return nil, fmt.Errorf("the symbols kept when %q linked %s do not fit what the image has: %w; look for a later step that changes it", s.capture.step.Name, p, err)
	}
	s.Sections = theirs
	id, err := gobin.ReadGNUBuildID(p.Reader(ctx))
	if err != nil {
		return nil, fmt.Errorf("reading the GNU build id of %s: %w", p, err)
	}
	if s.GNUBuildID = hex.EncodeToString(id.ID); s.GNUBuildID == "" {
		s.GNUBuildID = variants.NoGNUBuildID
	}
	return s, nil
}

// keptSymbols is the record of the program's link.
func keptSymbols(p *find.Program, captures []capture) (*symbols, error) {
	is := func(made manifest.Program) bool {
		return made.BuildID != "" && made.BuildID == p.Facts.BuildID && made.Symbols != ""
	}
	for _, c := range captures {
		for _, m := range c.calls(is) {
			for _, made := range m.Programs {
				if is(made) {
					return &symbols{
						Symbols: variants.Symbols{File: layout.SymbolsFile, BuildID: made.BuildID},
						capture: c,
						path:    path.Join(llbgen.CaptureRoot(), strings.TrimPrefix(made.Symbols, "/")),
					}, nil
				}
			}
		}
	}
	return nil, fmt.Errorf("%q compiled %s and kept no symbols of it: go build did not link it, or an earlier step did", captures[0].step.Name, p)
}
