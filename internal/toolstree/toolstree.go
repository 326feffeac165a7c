// Package toolstree makes the tree of tools that dlvgen mounts into compile steps
// and puts into debug images: the stand-in for go, init and Delve, for each
// platform in a folder of its own, as internal/layout names them.
package toolstree

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/variants/delve"
)

// Platform is a target, as the go command names it.
type Platform struct{ OS, Arch string }

// String is the form that ParsePlatform takes: "linux/amd64".
func (p Platform) String() string { return p.OS + "/" + p.Arch }

// delveTags are what Delve needs to compile on an architecture that it calls
// experimental (its _scripts/make.go).
var delveTags = map[string]string{
	"loong64": "exp.linuxloong64",
	"riscv64": "exp.linuxriscv64",
}

// delveArchs are the architectures that Delve debugs on Linux.
var delveArchs = []string{"386", "amd64", "arm64", "loong64", "ppc64le", "riscv64"}

// DefaultPlatforms are those that dlvgen is released with.
func DefaultPlatforms() []Platform {
	return []Platform{{"linux", "amd64"}, {"linux", "arm64"}}
}

// ParsePlatform reads "linux/amd64". The error lists what there is.
func ParsePlatform(text string) (Platform, error) {
	system, arch, _ := strings.Cut(text, "/")
	if system != "linux" || !slices.Contains(delveArchs, arch) {
		return Platform{}, fmt.Errorf("platform %q: Delve runs on linux/{%s}", text, strings.Join(delveArchs, ","))
	}
	return Platform{system, arch}, nil
}

// Options say what is made.
type Options struct {
	// Repo is the root of this module.
	Repo string

	// Dir is where the tree stands. Other platforms' folders in it stay.
	Dir string

	// Platforms are made in their order; empty means DefaultPlatforms.
	Platforms []Platform

	// Log gets a line per tool that is made; nil means none.
	Log io.Writer
}

// Build makes the tree. A Delve of the pinned version, made by the same Go, is
// left alone; the rest is up to the go command's cache. The same sources and the
// same Go give the same files.
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

	g, err := newGo(ctx)
	if err != nil {
		return err
	}
	for _, p := range o.Platforms {
		if err := o.platform(ctx, g, p); err != nil {
			return err
		}
	}
	return nil
}

func (o Options) platform(ctx context.Context, g *goTool, p Platform) error {
	dir := filepath.Join(o.Dir, layout.Platform(p.OS, p.Arch, ""))
	for _, tool := range []struct{ pkg, file string }{{"./cmd/dlvgen-go", layout.ToolGo}, {"./cmd/dlvgen-init", layout.ToolInit}} {
		fmt.Fprintf(o.Log, "tools: %s %s\n", p, tool.file)
		if err := g.build(ctx, o.Repo, p, tool.pkg, filepath.Join(dir, tool.file)); err != nil {
			return err
		}
	}
	debugger := filepath.Join(dir, layout.ToolDelve, delve.Version, "dlv")
	if g.isDelve(debugger, p) {
		return nil
	}
	fmt.Fprintf(o.Log, "tools: %s Delve %s\n", p, delve.Version)
	// Other versions would be shipped for nothing.
	if err := os.RemoveAll(filepath.Join(dir, layout.ToolDelve)); err != nil {
		return fmt.Errorf("making Delve for %s: %w", p, err)
	}
	return g.installDelve(ctx, p, debugger)
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
