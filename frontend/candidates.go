package frontend

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/frontend/gateway/client"
	"golang.org/x/sync/errgroup"
)

// Bounds of the search for programs.
const (
	// leastProgram is smaller than any program that Go's linker makes.
	leastProgram = 256 << 10

	// lookers is how many folders are read at a time.
	lookers = 16

	// scriptSize is as much of a script as is read.
	scriptSize = 64 << 10
)

// barren are folders in which no service puts its program.
var barren = []string{
	"/.dlvgen", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/run", "/sys",
	"/tmp", "/usr/include", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/share", "/usr/local/go", "/var/cache", "/var/lib", "/var/log",
}

// candidates are the programs in the image that this build compiled, by their
// paths.
func (f observed) candidates(ctx context.Context) ([]*program, error) {
	if !f.compiles() {
		return nil, nil
	}
	s := &search{image: f}
	s.eg, s.ctx = errgroup.WithContext(ctx)
	s.eg.SetLimit(lookers)
	if err := s.folder("/"); err != nil {
		return nil, err
	}
	if err := s.eg.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(s.found, func(a, b *program) int { return strings.Compare(a.path, b.path) })
	return s.found, nil
}

// search is one walk through an image.
type search struct {
	image observed
	ctx   context.Context //nolint:containedctx // the group's
	eg    *errgroup.Group

	mu    sync.Mutex
	found []*program
}

// folder looks at the files of a folder and at the folders below it, beside this
// goroutine where there is room.
func (s *search) folder(dir string) error {
	entries, err := s.image.root.ref.ReadDir(s.ctx, client.ReadDirRequest{Path: dir})
	if err != nil {
		return fmt.Errorf("looking for programs in %s: %w", dir, err)
	}
	for _, e := range entries {
		at, mode := path.Join(dir, path.Base(e.Path)), fs.FileMode(e.Mode)
		switch {
		case mode.IsDir() && !slices.Contains(barren, at):
			below := func() error { return s.folder(at) }
			if !s.eg.TryGo(below) {
				if err := below(); err != nil {
					return err
				}
			}
		case mode.IsRegular() && mode&0o111 != 0 && e.Size >= leastProgram:
			p := &program{path: at, file: at, stat: e}
			if err := p.read(s.ctx, s.image.root); err != nil {
				return err
			}
			if s.image.compiled(p) && !s.image.isDelve(p) {
				s.mu.Lock()
				s.found = append(s.found, p)
				s.mu.Unlock()
			}
		}
	}
	return nil
}

// named are the candidates that the command names: among its words, or among those
// of the script that it runs.
func (f observed) named(ctx context.Context, started *program, candidates []*program) ([]*program, error) {
	found, err := namedBy(ctx, f, started, func(_ string, p *program) bool {
		return slices.ContainsFunc(candidates, func(c *program) bool { return c.file == p.file })
	})
	return slices.DeleteFunc(slices.Clone(candidates), func(c *program) bool {
		return !slices.ContainsFunc(found, func(p *program) bool { return c.file == p.file })
	}), err
}

// namedReadyMade is the one Go program that a script names, where the build compiled none. It
// is what the image starts where there is none or several.
func (f observed) namedReadyMade(ctx context.Context, started *program) (*program, error) {
	found, err := namedBy(ctx, f, started, func(_ string, p *program) bool { return p.facts != nil })
	if err != nil || len(found) != 1 {
		return started, err
	}
	found[0].command.Detour = detour(started, f.cfg)
	return found[0], nil
}
