package frontend

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/dlvgen/dlvgen/internal/shell"
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
func (f finder) candidates(ctx context.Context) ([]*program, error) {
	if !f.compiles() {
		return nil, nil
	}
	s := &search{finder: f}
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
	finder finder
	ctx    context.Context //nolint:containedctx // the group's
	eg     *errgroup.Group

	mu    sync.Mutex
	found []*program
}

// folder looks at the files of a folder and at the folders below it, beside this
// goroutine where there is room.
func (s *search) folder(dir string) error {
	entries, err := s.finder.root.ref.ReadDir(s.ctx, client.ReadDirRequest{Path: dir})
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
			if err := p.read(s.ctx, s.finder.root); err != nil {
				return err
			}
			if p.facts != nil && !p.isDelve() && s.finder.compiled(p) {
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
func (f finder) named(ctx context.Context, started *program, candidates []*program) ([]*program, error) {
	words, err := f.scriptWords(ctx, started)
	if err != nil {
		return nil, err
	}
	words = append(words, started.args...)
	var named []*program
	for _, c := range candidates {
		if slices.ContainsFunc(words, func(w string) bool { return f.names(ctx, w, c) }) {
			named = append(named, c)
		}
	}
	return named, nil
}

// readyMade is the one Go program that a script names, where the build compiled none. It
// is what the image starts where there is none or several.
func (f finder) readyMade(ctx context.Context, started *program) (*program, error) {
	words, err := f.scriptWords(ctx, started)
	if err != nil {
		return nil, err
	}
	var found []*program
	for _, w := range scriptNames(append(words, started.args...)) {
		p, err := f.lookUp(ctx, w)
		if err != nil {
			return nil, err
		}
		if p != nil && p.facts != nil && !slices.ContainsFunc(found, func(f *program) bool { return f.file == p.file }) {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		return started, nil
	}
	found[0].command.Detour = f.detour(started)
	return found[0], nil
}

// scriptNames are the words of a script that may name programs, each once. Known launchers
// are left out.
func scriptNames(words []string) []string {
	var names []string
	for _, w := range words {
		if shell.IsLauncher(w) || w == "" || strings.HasPrefix(w, "-") || strings.ContainsAny(w, " \n=*?[") {
			continue
		}
		if !slices.Contains(names, w) {
			names = append(names, w)
		}
	}
	return names
}

// names tells whether a word leads to the program.
func (f finder) names(ctx context.Context, word string, p *program) bool {
	if word == "" {
		return false
	}
	for _, at := range candidatePaths(word, f.cfg) {
		if file, st, err := f.root.resolve(ctx, at); err == nil && st != nil && file == p.file {
			return true
		}
	}
	return false
}

// scriptWords are the words of the calls that scriptCalls lists.
func (f finder) scriptWords(ctx context.Context, started *program) ([]string, error) {
	calls, err := f.scriptCalls(ctx, started)
	var words []string
	for _, c := range calls {
		words = append(words, c.Words()...)
	}
	return words, err
}

// scriptCalls are the calls in the script that a command runs, the string of `sh -c`, a
// script file or a makefile, that may start a program.
func (f finder) scriptCalls(ctx context.Context, started *program) ([]shell.Call, error) {
	argv := append([]string{started.path}, started.args...)
	if s := shell.Read(argv); s.Parsed {
		return s.Starting(), nil
	}
	if started.facts != nil {
		return nil, nil
	}
	calls, ok, err := shell.Make(argv, func(name string) (string, error) {
		return readText(ctx, f.root, path.Join("/", f.cfg.WorkingDir, name), scriptSize)
	})
	if ok || err != nil {
		return calls, err
	}
	dt, err := f.root.ref.ReadFile(ctx, client.ReadRequest{Filename: started.file, Range: &client.FileRange{Length: scriptSize}})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", started.file, err)
	}
	if !strings.HasPrefix(string(dt), "#!") {
		return nil, nil
	}
	return shell.ReadText(string(dt)).Starting(), nil
}
