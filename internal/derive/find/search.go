package find

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
)

// barren are folders in which no service puts its program.
var barren = []string{
	"/.dlvgen", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/run", "/sys",
	"/tmp", "/usr/include", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/share", "/usr/local/go", "/var/cache", "/var/lib", "/var/log",
}

// search looks for all programs in the image that this build compiled, by their paths.
func (o Observed) search(ctx context.Context) ([]*Program, error) {
	s := &search{image: o}
	s.eg, s.ctx = errgroup.WithContext(ctx)
	s.eg.SetLimit(lookers)
	if err := s.folder("/"); err != nil {
		return nil, err
	}
	if err := s.eg.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(s.found, func(a, b *Program) int { return strings.Compare(a.Path, b.Path) })
	return s.found, nil
}

// search is one walk through an image.
type search struct {
	image Observed
	ctx   context.Context //nolint:containedctx // the group's
	eg    *errgroup.Group

	mu    sync.Mutex
	found []*Program
}

// folder looks at the files of a folder and at the folders below it, beside this
// goroutine where there is room.
func (s *search) folder(dir string) error {
	entries, err := s.image.Root.Ref.ReadDir(s.ctx, client.ReadDirRequest{Path: dir})
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
			p := &Program{Path: at, File: at, Stat: e, root: s.image.Root, source: at}
			if err := p.read(s.ctx); err != nil {
				return err
			}
			if s.image.isCandidate(at, s.image.judged(p)) {
				s.mu.Lock()
				s.found = append(s.found, p)
				s.mu.Unlock()
			}
		}
	}
	return nil
}
