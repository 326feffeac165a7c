package derive

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive/rootfs"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
)

// captured are sources at their paths, with the folder that they lie in.
type captured struct {
	ref    client.Reference
	state  llb.State
	folder string

	// isLayer says that it is a layer as it is: all files are root's, and none was left by a
	// call that was killed.
	isLayer bool
}

// isTemporary tells whether a path is of a file that a call which was killed has left.
func isTemporary(p string) bool { return strings.HasPrefix(p, "/"+layout.TemporaryPrefix) }

// sourcesOf are the sources of all steps: root's, in an output of their own, and those of
// other users. Folders without sources are left out.
func sourcesOf(ctx context.Context, captures []capture) ([]captured, error) {
	var all, empty []captured
	for _, from := range captures {
		var found []captured
		if from.roots != nil {
			found = append(found, *from.roots)
		}
		for _, user := range from.users {
			found = append(found, captured{ref: from.ref, state: from.state, folder: llbgen.CaptureSources(user)})
		}
		for _, f := range found {
			isEmpty, err := f.look(ctx)
			if err != nil {
				return nil, err
			}
			if isEmpty {
				empty = append(empty, f)
			} else {
				all = append(all, f)
			}
		}
	}
	if len(all) == 0 && len(empty) > 0 {
		return empty[:1], nil // the layer is empty, since all of them were left out
	}
	return all, nil
}

// resultOf is the result of a definition, all of it.
func resultOf(ctx context.Context, c client.Client, def *pb.Definition, imports []client.CacheOptionsEntry) (captured, error) {
	res, err := c.Solve(ctx, client.SolveRequest{Definition: def, CacheImports: imports})
	if err != nil {
		return captured{}, err
	}
	ref, err := res.SingleRef()
	if err != nil {
		return captured{}, err
	}
	op, err := llb.NewDefinitionOp(def)
	if err != nil {
		return captured{}, err
	}
	return captured{ref: ref, state: llb.NewState(op), folder: "/"}, nil
}

// look tells whether there are no sources.
func (c *captured) look(ctx context.Context) (isEmpty bool, err error) {
	entries, err := c.ref.ReadDir(ctx, client.ReadDirRequest{Path: c.folder})
	if rootfs.IsNotExist(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the captured sources: %w", err)
	}
	isEmpty, c.isLayer = true, c.folder == "/"
	for _, e := range entries {
		temporary := isTemporary("/" + path.Base(e.Path))
		isEmpty = isEmpty && temporary
		c.isLayer = c.isLayer && !temporary && e.Uid == 0 && e.Gid == 0
	}
	return isEmpty, nil
}
