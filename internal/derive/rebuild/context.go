// Package rebuild compiles programs again that no step of a production compiles: they were
// copied in ready-made.
package rebuild

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive/rootfs"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/frontend/gateway/client"
	"golang.org/x/mod/modfile"
)

// buildContext is what the build context says of itself, or what else has sources in its
// place. .dockerignore does not hide it: where a program is copied in, its sources are often
// left out.
type buildContext struct {
	client *dockerui.Client

	// name is what messages call it: "the build context".
	name string

	// files is the tree as a program is compiled from it.
	files func(context.Context) (llb.State, error)

	// modules are those that have a go.mod, the nearest to the root first.
	modules []contextModule

	// revision is the commit that is checked out, "" where that is not known.
	revision string
}

// contextModule is a module of the build context: the folder of its go.mod, "." for the
// root, and its path.
type contextModule struct{ dir, path string }

// Bounds of the search for modules.
const (
	// deepest is how many folders a go.mod may lie below the root.
	deepest = 6

	// goModSize is as much of a go.mod as is read.
	goModSize = 1 << 20
)

// readContext reads the build context, of a local one only what is looked for.
func readContext(ctx context.Context, c client.Client) (*buildContext, error) {
	bc, err := dockerui.NewClient(c)
	if err != nil {
		return nil, err
	}
	tree := &buildContext{client: bc, name: "the build context", files: contextFiles(bc, "dlvgen-rebuild", "**/.git")}
	st, err := bc.MainContext(ctx,
		llb.IncludePatterns([]string{"**/go.mod", ".git/HEAD", ".git/packed-refs", ".git/refs/heads"}),
		llb.ExcludePatterns([]string{"**/node_modules", "**/testdata", "**/vendor"}),
		llb.SharedKeyHint("dlvgen-modules"),
		llb.WithCustomName("[dlvgen] look for modules in the build context"))
	if err != nil {
		return nil, fmt.Errorf("reading the build context: %w", err)
	}
	return tree, tree.read(ctx, c, *st)
}

// read looks for modules and for the commit in a tree.
func (t *buildContext) read(ctx context.Context, c client.Client, st llb.State) error {
	def, err := st.Marshal(ctx)
	if err != nil {
		return fmt.Errorf("reading %s: %w", t.name, err)
	}
	res, err := c.Solve(ctx, client.SolveRequest{Definition: def.ToPB()})
	if err != nil {
		return err
	}
	ref, err := res.SingleRef()
	if err != nil || ref == nil {
		return err
	}
	root := rootfs.FS{Ref: ref}
	if err := t.findModules(ctx, root, ".", 0); err != nil {
		return err
	}
	slices.SortStableFunc(t.modules, func(a, b contextModule) int { return strings.Count(a.dir, "/") - strings.Count(b.dir, "/") })
	t.revision, err = headOf(ctx, root)
	return err
}

// contextFiles are those of the build context, but for what is excluded. key tells BuildKit
// which transfers resemble each other.
func contextFiles(bc *dockerui.Client, key string, excluded ...string) func(context.Context) (llb.State, error) {
	return func(ctx context.Context) (llb.State, error) {
		st, err := bc.MainContext(ctx,
			llb.ExcludePatterns(excluded),
			llb.SharedKeyHint(key),
			llb.WithCustomName("[dlvgen] load the build context, to rebuild from it"))
		if err != nil {
			return llb.State{}, fmt.Errorf("reading the build context: %w", err)
		}
		return *st, nil
	}
}

// findModules looks for go.mod in a folder and in those below it.
func (t *buildContext) findModules(ctx context.Context, root rootfs.FS, dir string, depth int) error {
	entries, err := root.Ref.ReadDir(ctx, client.ReadDirRequest{Path: path.Join("/", dir)})
	if rootfs.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the folder %s of %s: %w", dir, t.name, err)
	}
	for _, e := range entries {
		name, mode := path.Base(e.Path), fs.FileMode(e.Mode)
		switch {
		case name == "go.mod" && mode.IsRegular():
			dt, err := root.Text(ctx, path.Join("/", dir, name), goModSize)
			if err != nil {
				return err
			}
			t.modules = append(t.modules, contextModule{dir: dir, path: modfile.ModulePath([]byte(dt))})
		case mode.IsDir() && depth < deepest && !strings.HasPrefix(name, ".") && !slices.Contains([]string{"node_modules", "testdata", "vendor"}, name):
			if err := t.findModules(ctx, root, path.Join(dir, name), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// lacks says that there is no module of that path.
func (t *buildContext) lacks(modulePath string) string {
	if len(t.modules) == 0 {
		return t.name + " has no go.mod"
	}
	return fmt.Sprintf("%s has the module %s, not %s", t.name, t.modules[0].path, modulePath)
}

// module is the one of that path, nil where the context has none.
func (t *buildContext) module(modulePath string) *contextModule {
	for i, m := range t.modules {
		if m.path == modulePath {
			return &t.modules[i]
		}
	}
	return nil
}

// headOf is the commit that a checkout stands at, "" where there is no .git folder or
// its references are kept in another way than as files.
func headOf(ctx context.Context, root rootfs.FS) (string, error) {
	head, err := root.Text(ctx, "/.git/HEAD", 4096)
	if err != nil {
		return "", err
	}
	ref, symbolic := strings.CutPrefix(strings.TrimSpace(head), "ref: ")
	if !symbolic {
		return strings.TrimSpace(head), nil
	}
	loose, err := root.Text(ctx, path.Join("/.git", ref), 4096)
	if err != nil || loose != "" {
		return strings.TrimSpace(loose), err
	}
	packed, err := root.Text(ctx, "/.git/packed-refs", 8<<20)
	for line := range strings.Lines(packed) {
		if revision, name, _ := strings.Cut(strings.TrimSpace(line), " "); name == ref {
			return revision, nil
		}
	}
	return "", err
}
