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
	"github.com/dlvgen/dlvgen/internal/shell"
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
}

// String names the program as errors do.
func (p *program) String() string { return p.path }

// defaultPath is what a container's PATH is where the config sets none
// (moby/buildkit, util/system).
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// finder looks for the program of one image.
type finder struct {
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
func (f finder) find(ctx context.Context) (*program, error) {
	asked := f.request.Program
	started, err := f.started(ctx)
	if err != nil && asked == "" {
		return nil, err
	}
	if delve, err := f.delve(ctx, started); err != nil {
		return nil, err
	} else if delve != nil {
		return nil, startsDelve(delve, f.cfg)
	}
	if asked != "" {
		return f.askedFor(ctx, asked, started)
	}
	if err := f.atStart(ctx, started); err != nil {
		return nil, err
	}
	if started != nil && started.facts != nil && (f.compiled(started) || !f.compiles()) {
		return started, nil
	}
	if started != nil && started.facts != nil {
		if err := f.missed(started); err != nil {
			return nil, err
		}
	}
	return f.behind(ctx, started)
}

// started is what the image's command starts once known launchers are out of the
// way, be it a Go program or not; nil where the image starts nothing.
func (f finder) started(ctx context.Context) (*program, error) {
	argv := slices.Concat(f.cfg.Entrypoint, f.cfg.Cmd)
	if len(argv) == 0 || argv[0] == "" {
		return nil, nil
	}
	var prefix []string
	for {
		p, err := f.lookUp(ctx, argv[0])
		if err != nil {
			return nil, err
		}
		if p == nil {
			return nil, fmt.Errorf("the image starts %q (%s), and there is no such file in it: production would not start either",
				argv[0], origin(f.cfg))
		}
		p.args, p.command.Prefix = argv[1:], prefix
		launcher, rest, ok := shell.Launched(argv)
		if !ok || p.facts != nil && f.compiled(p) {
			return p, nil
		}
		prefix, argv = append(slices.Clone(prefix), launcher...), rest
	}
}

// askedFor is the program of that path, started by the image's command or by
// whatever that starts.
func (f finder) askedFor(ctx context.Context, asked string, started *program) (*program, error) {
	p, err := f.lookUp(ctx, asked)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fmt.Errorf("--program is %q, and there is no such file in the image", asked)
	}
	if started != nil && started.file == p.file {
		return started, nil
	}
	p.command.Detour = f.detour(started)
	return p, nil
}

// behind is the one program that this build compiled and the image has, where the
// command leads to something else.
func (f finder) behind(ctx context.Context, started *program) (*program, error) {
	candidates, err := f.candidates(ctx)
	if err != nil {
		return nil, err
	}
	if err := f.inScript(ctx, started, candidates); err != nil {
		return nil, err
	}
	detour := f.detour(started)
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
		var paths []string
		for _, c := range candidates {
			paths = append(paths, c.path)
		}
		return nil, fmt.Errorf("the image starts %s, and the programs in it that this build compiled are %s: choose with --program PATH",
			detour, strings.Join(paths, ", "))
	case started == nil:
		return nil, fmt.Errorf("the image starts nothing: it has neither ENTRYPOINT nor CMD, and no program that this build compiled is in it")
	case started.facts == nil && !f.compiles():
		return f.readyMade(ctx, started)
	}
	return started, nil
}

// detour says what the command starts that is not the program.
func (f finder) detour(started *program) string {
	switch {
	case started == nil:
		return "nothing (it has neither ENTRYPOINT nor CMD)"
	case started.facts != nil:
		return fmt.Sprintf("%s (%s), which this build did not compile", started, origin(f.cfg))
	}
	var format *gobin.FormatError
	if errors.As(started.unread, &format) && format.Kind == gobin.KindScript {
		return fmt.Sprintf("the script %s (%s)", started, origin(f.cfg))
	}
	return fmt.Sprintf("%s (%s)", started, origin(f.cfg))
}

// compiles tells whether the build compiled any program.
func (f finder) compiles() bool {
	return slices.ContainsFunc(f.captures, func(c capture) bool { return len(c.manifests) > 0 })
}

// compiled tells whether this build compiled the program.
func (f finder) compiled(p *program) bool { return len(makers(f.captures, p.facts)) > 0 }

// lookUp finds the file that a command's first word names, as a container runtime
// would: a name without a slash along PATH, a relative one below WORKDIR. It is nil
// where there is none.
func (f finder) lookUp(ctx context.Context, name string) (*program, error) {
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
