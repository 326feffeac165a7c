package frontend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/variants"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// program is what an image starts, however far behind its command it stands.
type program struct {
	// path is as the command names it, file the same with links followed.
	path, file string
	args       []string
	stat       *fstypes.Stat
	command    variants.Command

	// facts are nil, and unread says why, where it is no Go program.
	facts  *gobin.Facts
	unread error

	// from is where the program comes from, as far as that is predicted.
	from likeliest
}

// String names the program as errors do.
func (p *program) String() string { return p.path }

// listed are the names of several.
func listed(programs []*program) string {
	var paths []string
	for _, p := range programs {
		paths = append(paths, p.path)
	}
	return strings.Join(paths, ", ")
}

// defaultPath is what a container's PATH is where the config sets none
// (moby/buildkit, util/system).
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// observed is what an image has that was built.
type observed struct {
	root     rootFS
	cfg      dockerspec.DockerOCIImageConfig
	captures []capture
	request  variants.Request

	// missed is an error where a program was compiled, and nobody saw it.
	missed func(*program) error
}

// find is the program to debug: the one that was asked for, or the one that the
// image's command leads to. Where the command leads to anything else than a program
// that this build compiled, it is the only compiled one in the image.
func (f observed) find(ctx context.Context) (*program, error) {
	p, err := find(ctx, f, f.cfg, f.request)
	if err != nil || f.request.Program != "" {
		return p, err
	}
	if p != nil && p.facts != nil {
		if f.compiled(p) || !f.compiles() {
			return p, nil
		}
		if err := f.missed(p); err != nil {
			return nil, err
		}
	}
	return f.onlyCompiled(ctx, p)
}

// onlyCompiled is the one program that this build compiled and the image has, where the
// command leads to something else.
func (f observed) onlyCompiled(ctx context.Context, started *program) (*program, error) {
	candidates, err := f.candidates(ctx)
	if err != nil {
		return nil, err
	}
	if err := f.inScript(ctx, started, candidates); err != nil {
		return nil, err
	}
	detour := detour(started, f.cfg)
	if len(candidates) > 1 && started != nil {
		named, err := f.named(ctx, started, candidates)
		if err != nil {
			return nil, err
		}
		if len(named) == 1 {
			candidates = named
		}
	}
	switch {
	case len(candidates) == 1 && started != nil:
		p := candidates[0]
		p.command.Detour = detour
		return p, nil
	case len(candidates) > 0:
		return nil, refuse("the image starts %s, and the programs in it that this build compiled are %s: choose with --program PATH", detour, listed(candidates))
	case started == nil:
		return nil, fmt.Errorf("the image starts nothing: it has neither ENTRYPOINT nor CMD, and no program that this build compiled is in it")
	case started.facts == nil && !f.compiles():
		return f.namedReadyMade(ctx, started)
	}
	return started, nil
}

// detour says what the command starts that is not the program.
func detour(started *program, cfg dockerspec.DockerOCIImageConfig) string {
	switch {
	case started == nil:
		return "nothing (it has neither ENTRYPOINT nor CMD)"
	case started.facts != nil:
		return fmt.Sprintf("%s (%s), which this build did not compile", started, origin(cfg))
	case isScript(started):
		return fmt.Sprintf("the script %s (%s)", started, origin(cfg))
	}
	return fmt.Sprintf("%s (%s)", started, origin(cfg))
}

// compiles tells whether the build compiled any program.
func (f observed) compiles() bool {
	return slices.ContainsFunc(f.captures, func(c capture) bool { return len(c.manifests) > 0 })
}

// compiled tells whether this build compiled the program.
func (f observed) compiled(p *program) bool {
	return p.facts != nil && len(makers(f.captures, p.facts)) > 0
}

func (f observed) absence() string { return "there is no such file in it" }

// madeOf is the package of a Go program.
func (f observed) madeOf(p *program) string {
	if p.facts == nil {
		return ""
	}
	return p.facts.Info.Path
}

func (f observed) text(ctx context.Context, p *program) (string, error) {
	return readText(ctx, f.root, p.file, scriptSize)
}

// lookUp implements [evidence].
func (f observed) lookUp(ctx context.Context, name string) (*program, error) {
	for _, at := range candidatePaths(name, f.cfg) {
		file, st, err := f.root.resolve(ctx, at)
		if err != nil {
			return nil, err
		}
		if st == nil || !fs.FileMode(st.Mode).IsRegular() {
			continue
		}
		p := &program{path: at, file: file, stat: st}
		return p, p.read(ctx, f.root)
	}
	return nil, nil
}

// read reads what the program says of itself.
func (p *program) read(ctx context.Context, root rootFS) error {
	facts, err := gobin.Read(p.reader(ctx, root))
	var format *gobin.FormatError
	if errors.As(err, &format) {
		p.unread = err
		return nil
	}
	p.facts = facts
	return err
}

// withFacts is the program with what another file says of itself: the one that is to
// stand in its place.
func (p *program) withFacts(other *program) *program {
	replaced := *p
	replaced.facts = other.facts
	return &replaced
}

// reader reads the program in blocks.
func (p *program) reader(ctx context.Context, root rootFS) *gobin.BlockReader {
	return gobin.NewBlockReader(file{ctx: ctx, root: root, path: p.file}, p.stat.Size, gobin.DefaultBlock)
}

// candidatePaths are the paths at which a runtime looks for a command.
func candidatePaths(name string, cfg dockerspec.DockerOCIImageConfig) []string {
	workdir := path.Join("/", cfg.WorkingDir)
	if path.IsAbs(name) {
		return []string{name}
	}
	if strings.Contains(name, "/") {
		return []string{path.Join(workdir, name)}
	}
	var paths []string
	for _, dir := range imagePath(cfg) {
		paths = append(paths, path.Join(dir, name))
	}
	return paths
}

// imagePath lists the folders of the image's PATH, absolute.
func imagePath(cfg dockerspec.DockerOCIImageConfig) []string {
	search := env(cfg.Env, "PATH")
	if search == "" {
		search = defaultPath
	}
	var dirs []string
	for dir := range strings.SplitSeq(search, ":") {
		if !path.IsAbs(dir) {
			dir = path.Join("/", cfg.WorkingDir, dir)
		}
		dirs = append(dirs, dir)
	}
	return dirs
}

// origin says which instruction an image's command comes from.
func origin(cfg dockerspec.DockerOCIImageConfig) string {
	if len(cfg.Entrypoint) > 0 {
		return "ENTRYPOINT"
	}
	return "CMD"
}
