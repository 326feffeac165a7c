package find

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive/refuse"
	"github.com/dlvgen/dlvgen/internal/derive/rootfs"
	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/shell"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/dlvgen/dlvgen/variants/delve"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// Program is what an image starts, however far behind its command it stands.
type Program struct {
	// Path is as the command names it, File the same with links followed.
	Path, File string
	Args       []string
	Command    variants.Command

	// Stat is nil where the file is not there to be read.
	// It is at source in root.
	Stat   *fstypes.Stat
	root   rootfs.FS
	source string

	// Facts are nil, and Unread says why, where it is no Go program. Both are nil of a
	// file that nobody has made yet.
	Facts  *gobin.Facts
	Unread error

	// Compiled is set where a step of the build compiles it.
	Compiled bool

	// asked is set where --program names it, and the image's command does not.
	asked bool

	// from is where the program comes from, as far as that is predicted.
	from likeliest
}

// String names the program as errors do.
func (p *Program) String() string { return p.Path }

// Role names the program with what makes it the one to debug.
func (p *Program) Role(cfg dockerspec.DockerOCIImageConfig) string {
	if p.asked {
		return p.Path + ", which --program names,"
	}
	return fmt.Sprintf("%s, which the image starts (%s),", p, refuse.Instruction(cfg))
}

// Fetched names the image that may have the program, "" where it comes from elsewhere.
func (p *Program) Fetched() string {
	if p.from.FromImage() {
		return p.Origin()
	}
	return ""
}

// is tells whether two programs are one file.
func (p *Program) is(other *Program) bool { return p.File == other.File }

// behind is the program behind what the image starts.
func (p *Program) behind(detour string) *Program {
	p.Command.Detour = detour
	return p
}

// listed are the names of several.
func listed(programs []*Program) string {
	var paths []string
	for _, p := range programs {
		paths = append(paths, p.Path)
	}
	return strings.Join(paths, ", ")
}

// open finds a program in a file system, and reads what it says of itself. It is nil where
// there is no file.
func open(ctx context.Context, root rootfs.FS, at string) (*Program, error) {
	file, st, err := root.Resolve(ctx, at)
	if err != nil || st == nil || !fs.FileMode(st.Mode).IsRegular() {
		return nil, err
	}
	p := &Program{Path: at, File: file, Stat: st, root: root, source: file}
	return p, p.read(ctx)
}

// read reads what the program says of itself.
func (p *Program) read(ctx context.Context) error {
	facts, err := gobin.Read(p.Reader(ctx))
	var format *gobin.FormatError
	if errors.As(err, &format) {
		p.Unread = err
		return nil
	}
	p.Facts = facts
	return err
}

// Reader reads the program in blocks.
func (p *Program) Reader(ctx context.Context) *gobin.BlockReader {
	return gobin.NewBlockReader(p.root.File(ctx, p.source), p.Stat.Size, gobin.DefaultBlock)
}

// scriptSize is as much of a script as is read.
const scriptSize = 64 << 10

// text is the beginning of the file, "" where it cannot be read.
func (p *Program) text(ctx context.Context) (string, error) {
	if p.root.Ref == nil {
		return "", nil
	}
	return p.root.Text(ctx, p.source, scriptSize)
}

// IsScript tells whether the file was read and is a script.
func (p *Program) IsScript() bool {
	var format *gobin.FormatError
	return errors.As(p.Unread, &format) && format.Kind == gobin.KindScript
}

// commandLine is the program with its arguments, as a shell is given a script.
func (p *Program) commandLine() shell.Script {
	return shell.Read(append([]string{p.Path}, p.Args...))
}

// RunsScript tells whether the program is a script, or a shell that is given one.
func (p *Program) RunsScript() bool { return p.IsScript() || p.commandLine().Parsed }

// Debuggable says why a Go program cannot be debugged in the way that is asked for.
func (p *Program) Debuggable(r variants.Request) error {
	err := p.Facts.Debuggable()
	var optimized *gobin.OptimizedError
	if r.Optimize && errors.As(err, &optimized) {
		return nil
	}
	return err
}

// WithFacts is the program with what another file says of itself: the one that is to
// stand in its place.
func (p *Program) WithFacts(other *Program) *Program {
	replaced := *p
	replaced.Facts = other.Facts
	return &replaced
}

// What says what a Go program is made of.
func (p *Program) What() string {
	info := p.Facts.Info
	module := info.Main.Path
	if info.Main.Version != "" {
		module += " " + info.Main.Version
	}
	if module == "" {
		return fmt.Sprintf("package %s of no module, compiled with %s", info.Path, p.Facts.GoVersion)
	}
	return fmt.Sprintf("package %s of module %s, compiled with %s", info.Path, module, p.Facts.GoVersion)
}

// Origin says what makes the program, as far as that is predicted.
func (p *Program) Origin() string { return describe(p.from.Origin) }

// madeOf names what the program is made of: its package, or what it comes from.
func (p *Program) madeOf() string {
	if p.Facts != nil {
		return p.Facts.Info.Path
	}
	return p.Origin()
}

// delveName is the usual name of Delve's program.
const delveName = "dlv"

// isDelve tells whether the program is Delve, by its build information: the name is
// anybody's. A file that nobody has made yet is if it is called so, and no step compiles
// it from anything else.
func (p *Program) isDelve() bool {
	if p.Facts != nil {
		return p.madeOf() == delve.Package
	}
	return p.Unread == nil && path.Base(p.Path) == delveName && (p.from.Compiles == "" || strings.Contains(p.from.Step, "delve"))
}

// detour says what the command starts that is not the program.
func detour(started *Program, cfg dockerspec.DockerOCIImageConfig) string {
	if started == nil {
		return "nothing (it has neither ENTRYPOINT nor CMD)"
	}
	name := fmt.Sprintf("%s (%s)", started, refuse.Instruction(cfg))
	switch {
	case started.Facts != nil:
		return name + ", which this build did not compile"
	case started.IsScript():
		return "the script " + name
	}
	return name
}
