package derive

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive/rootfs"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/frontend/gateway/client"
)

// bakedElsewhere are the captured sources that no path rule has the folder of: those of a
// workspace, and of modules that others are replaced by. It looks into the folders above
// those of the rules only, and names what else is there.
func bakedElsewhere(ctx context.Context, sources []captured, paths []variants.PathRule) ([]string, error) {
	var found []string
	for _, s := range sources {
		if err := besides(ctx, s, "/", paths, &found); err != nil {
			return nil, err
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

func besides(ctx context.Context, sources captured, dir string, paths []variants.PathRule, found *[]string) error {
	entries, err := sources.ref.ReadDir(ctx, client.ReadDirRequest{Path: path.Join(sources.folder, dir)})
	if rootfs.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the captured sources: %w", err)
	}
	for _, e := range entries {
		p := path.Join(dir, path.Base(e.Path))
		is := func(has func(root string) bool) bool {
			return slices.ContainsFunc(paths, func(r variants.PathRule) bool { return r.Root() != "" && has(r.Root()) })
		}
		switch {
		case isTemporary(p):
		case is(func(root string) bool { return root == "/" || root == p }):
		case fs.FileMode(e.Mode).IsDir() && is(func(root string) bool { return strings.HasPrefix(root, p+"/") }):
			if err := besides(ctx, sources, p, paths, found); err != nil {
				return err
			}
		case is(func(root string) bool { return strings.HasPrefix(p, root+"/") }):
		default:
			*found = append(*found, p)
		}
	}
	return nil
}
