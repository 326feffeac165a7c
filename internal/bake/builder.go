package bake

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/filesync"
	"github.com/moby/buildkit/session/grpchijack"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
)

// builder carries out one request.
type builder struct {
	*Request
	streams Streams

	call frontendCall

	tools    *toolbox
	registry *registry.Client
	engine   *docker.Engine // nil where nothing is loaded
}

// inOrder puts the outputs last whose digest counts. BuildKit v0.34.2 answers for all
// exporters in one map, where the last wins (runExporters in
// solver/llbsolver/export.go): the digest is to be that of the push, and the folder of an
// image gets its index by it, for which checkFolders wants the two to be the same.
func inOrder(outputs []output) []output {
	rank := func(o output) int {
		switch {
		case o.imageFolder():
			return 2
		case o.pushes():
			return 1
		}
		return 0
	}
	return slices.SortedStableFunc(slices.Values(outputs), func(a, b output) int { return rank(a) - rank(b) })
}

// exports are BuildKit's for one variant. The load is nil where nothing goes to
// Docker Engine.
func (b *builder) exports(ctx context.Context, res *Result) ([]client.ExportEntry, *imageLoad, error) {
	if b.dryRun {
		return nil, nil, nil
	}
	if len(b.outputs) == 0 {
		b.notify(fmt.Sprintf("no output specified: variant %s stays in the build cache. Use --push, --load or -o", res.Preset))
	}
	var entries []client.ExportEntry
	var load *imageLoad
	for _, o := range inOrder(b.outputs) {
		if o.pushes() {
			entries = append(entries, b.pushExports(o, res)...)
			continue
		}
		dest := o.destination(res.Image, len(b.images) > 1)
		entry, err := o.export(dest, res.Refs, b.streams)
		if err != nil {
			return nil, nil, err
		}
		if o.loads() {
			load = newImageLoad()
			entry.Output = load.output(ctx, b.engine, res.Refs)
		}
		if dest != "" && dest != "-" {
			res.Files = append(res.Files, dest)
		}
		entries = append(entries, entry)
	}
	return entries, load, nil
}

// sharedMounts serve local folders to the builds of several variants from one
// session. The definition of a local folder names its session: with a session each,
// the builds would have no step in common.
type sharedMounts struct {
	session *session.Session // nil where nothing is shared
	names   []string
}

// shareMounts starts the session where there is more than one build.
func shareMounts(ctx context.Context, c *client.Client, b *builder, in *inputs) (*sharedMounts, error) {
	if len(b.images) == 1 {
		return &sharedMounts{}, nil
	}
	s, err := serve(ctx, c, in.sharedKey, in.mounts)
	if err != nil {
		return nil, err
	}
	return &sharedMounts{session: s, names: slices.Collect(maps.Keys(in.mounts))}, nil
}

// serve offers local folders in a session of their own. sharedKey tells BuildKit which
// transfers of a folder resemble each other.
func serve(ctx context.Context, c *client.Client, sharedKey string, mounts map[string]fsutil.FS) (*session.Session, error) {
	s, err := session.NewSession(ctx, sharedKey)
	if err != nil {
		return nil, fmt.Errorf("opening a session with BuildKit: %w", err)
	}
	dirs := filesync.StaticDirSource{}
	for name, dir := range mounts {
		// As client.Solve does: who owns a file on this machine is nothing to a build.
		owned, err := fsutil.NewFilterFS(dir, &fsutil.FilterOpt{Map: func(_ string, st *types.Stat) fsutil.MapResult {
			st.Uid, st.Gid = 0, 0
			return fsutil.MapResultKeep
		}})
		if err != nil {
			return nil, fmt.Errorf("opening the local folder %s: %w", name, err)
		}
		dirs[name] = owned
	}
	s.Allow(filesync.NewFSSyncProvider(dirs, nil))
	go func() {
		// Its end is the builds' end; what fails before, fails in a build.
		_ = s.Run(context.WithoutCancel(ctx), grpchijack.Dialer(c.ControlClient()))
	}()
	return s, nil
}

// apply makes a build take the folders from the session, if there is one.
// The attribute is that of dockerui (localSessionIDPrefix).
func (m *sharedMounts) apply(so *client.SolveOpt) {
	if m.session == nil {
		return
	}
	so.LocalMounts = nil
	for _, name := range m.names {
		so.FrontendAttrs["local-sessionid:"+name] = m.session.ID()
	}
}

func (m *sharedMounts) close() {
	if m.session != nil {
		_ = m.session.Close()
	}
}
