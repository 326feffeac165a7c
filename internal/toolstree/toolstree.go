// Package toolstree makes the tree of tools that dlvgen mounts into compile steps
// and puts into debug images: the stand-in for go, init and every version of Delve
// that is shipped, for each platform in a folder of its own, as internal/layout
// names them.
package toolstree

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gofrs/flock"
	"golang.org/x/sync/errgroup"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/toolpack"
	"github.com/dlvgen/dlvgen/variants/delve"
)

// Platform is a target, as the go command names it.
type Platform struct{ OS, Arch string }

// String is the form that ParsePlatform takes: "linux/amd64".
func (p Platform) String() string { return p.OS + "/" + p.Arch }

// delveTags are what Delve needs to compile on an architecture that some version
// calls experimental (its _scripts/make.go).
var delveTags = map[string]string{
	"loong64": "exp.linuxloong64",
	"ppc64le": "exp.linuxppc64le",
	"riscv64": "exp.linuxriscv64",
}

// DefaultPlatforms are those that dlvgen is released with.
func DefaultPlatforms() []Platform {
	return []Platform{{"linux", "amd64"}, {"linux", "arm64"}}
}

// ParsePlatform reads "linux/amd64". The error lists what there is.
func ParsePlatform(text string) (Platform, error) {
	system, arch, _ := strings.Cut(text, "/")
	if archs := delve.Archs(); system != "linux" || !slices.Contains(archs, arch) {
		return Platform{}, fmt.Errorf("platform %q: Delve runs on linux/{%s}", text, strings.Join(archs, ","))
	}
	return Platform{system, arch}, nil
}

// Options say what is made.
type Options struct {
	// Repo is the root of this module.
	Repo string

	// Dir is where the tree stands. Other platforms' folders in it stay.
	Dir string

	// Packed is the folder that all of the tree is packed into (toolpack.Write); empty
	// means none.
	Packed string

	// Platforms are made two at a time; empty means DefaultPlatforms.
	Platforms []Platform

	// Log gets a line per tool that is made, a Write each, maybe two at a time; nil
	// means none.
	Log io.Writer
}

// atOnce is how many platforms are made at a time. Two versions of Delve for one
// platform at a time would compile the standard library twice.
const atOnce = 2

// Build makes the tree. A Delve of a shipped version, made by the same Go, is left
// alone; the rest is up to the go command's cache. A version that does not exist for
// a platform is left out there. The same sources and the same Go give the same files.
func Build(ctx context.Context, o Options) error {
	if o.Log == nil {
		o.Log = io.Discard
	}
	if len(o.Platforms) == 0 {
		o.Platforms = DefaultPlatforms()
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return fmt.Errorf("making the tools: %w", err)
	}
	o.Dir = dir
	unlock, err := lock(dir)
	if err != nil {
		return err
	}
	defer unlock()

	if err := o.platforms(ctx); err != nil || o.Packed == "" {
		return err
	}
	tree := os.DirFS(dir)
	groups, err := groups(tree)
	if err != nil {
		return fmt.Errorf("packing the tools: %w", err)
	}
	return toolpack.Write(ctx, tree, o.Packed, groups, o.Log)
}

// groups are the packs of a tree: what changes together, and what shares much. A Delve
// shares much with the version next to it, and dlvgen's own programs share their runtime.
func groups(tree fs.FS) ([]toolpack.Group, error) {
	platforms, err := fs.Glob(tree, "*_*")
	if err != nil {
		return nil, err
	}
	var list []toolpack.Group
	for _, platform := range platforms {
		debuggers := toolpack.Group{Name: path.Join(platform, layout.ToolDelve)}
		for _, version := range delve.Versions() {
			tool := path.Join(debuggers.Name, version)
			if _, err := fs.Stat(tree, tool); err == nil {
				debuggers.Tools = append(debuggers.Tools, tool)
			}
		}
		own := toolpack.Group{Name: path.Join(platform, "own"), Tools: []string{path.Join(platform, layout.ToolInit), path.Join(platform, layout.ToolBin)}}
		list = append(list, debuggers, own)
	}
	return list, nil
}

func (o Options) platforms(ctx context.Context) error {
	g, err := newGo(ctx)
	if err != nil {
		return err
	}
	downloading, stop := context.WithCancel(ctx)
	var downloads sync.WaitGroup
	defer downloads.Wait()
	defer stop()
	downloads.Go(func() { o.download(downloading, g) })
	platforms, ctx := errgroup.WithContext(ctx)
	platforms.SetLimit(atOnce)
	for _, p := range o.Platforms {
		platforms.Go(func() error { return o.platform(ctx, g, p) })
	}
	return platforms.Wait()
}

// download gets the modules of the Delves that are to be made, while the first of them is
// compiled. What fails here does so there.
func (o Options) download(ctx context.Context, g *goTool) {
	for _, version := range delve.Versions() {
		for _, p := range o.Platforms {
			if delve.Exists(version, p.Arch) && !g.isDelve(o.delve(version, p), version, p) {
				_ = g.downloadDelve(ctx, version, p)
				break
			}
		}
	}
}

// folder has a platform's tools.
func (o Options) folder(p Platform) string {
	return filepath.Join(o.Dir, layout.Platform(p.OS, p.Arch, ""))
}

// delve is where a version of Delve is made.
func (o Options) delve(version string, p Platform) string {
	return filepath.Join(o.folder(p), layout.ToolDelve, version, "dlv")
}

func (o Options) platform(ctx context.Context, g *goTool, p Platform) error {
	dir := o.folder(p)
	for _, tool := range []struct{ pkg, file string }{{"./cmd/dlvgen-go", layout.ToolGo}, {"./cmd/dlvgen-init", layout.ToolInit}} {
		fmt.Fprintf(o.Log, "tools: %s %s\n", p, tool.file)
		if err := g.build(ctx, o.Repo, p, tool.pkg, filepath.Join(dir, tool.file)); err != nil {
			return err
		}
	}
	versions := slices.DeleteFunc(delve.Versions(), func(v string) bool { return !delve.Exists(v, p.Arch) })
	if err := keepOnly(filepath.Join(dir, layout.ToolDelve), versions); err != nil {
		return fmt.Errorf("making Delve for %s: %w", p, err)
	}
	for _, version := range versions {
		debugger := o.delve(version, p)
		if g.isDelve(debugger, version, p) {
			continue
		}
		fmt.Fprintf(o.Log, "tools: %s Delve %s\n", p, version)
		if err := g.installDelve(ctx, version, p, debugger); err != nil {
			return err
		}
	}
	return nil
}

// keepOnly deletes what else is in a folder: it would be shipped for nothing.
func keepOnly(dir string, names []string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if slices.Contains(names, e.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// lock keeps two processes from writing one tree. The lock stands outside of the
// tree, all of which is shipped.
func lock(dir string) (func(), error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the tools: %w", err)
	}
	name := sha256.Sum256([]byte(dir))
	l := flock.New(filepath.Join(os.TempDir(), fmt.Sprintf("dlvgen-toolstree-%x.lock", name[:8])))
	if err := l.Lock(); err != nil {
		return nil, fmt.Errorf("making the tools: %w", err)
	}
	return func() { _ = l.Unlock() }, nil
}
