package bake

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/dlvgen/dlvgen/internal/buildkit/builders"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/patience"
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
	on       *builders.Builder
	engine   *docker.Engine // nil where nothing is loaded
}

// open finds the builder, and the Docker Engine that images are loaded into: its own, if it
// is a Docker Engine's.
func (b *builder) open(ctx context.Context, waits *patience.Patience) (err error) {
	if b.on, err = builders.Open(ctx, builders.FromEnvironment(b.addr, b.builderName, b.notify)); err != nil {
		return err
	}
	switch {
	case b.engineBuilds():
		b.engine = docker.Of(b.on.Engine, waits)
		if b.classic() {
			err = b.checkClassic()
		}
	case b.loads():
		if b.engine, err = ConnectEngine(ctx, waits); err != nil {
			err = fmt.Errorf("--load: %w: or use --push or -o type=docker,dest=FILE", err)
		}
	}
	if err != nil {
		b.close()
	}
	return err
}

// ConnectEngine connects to the Docker Engine that the docker command would use.
func ConnectEngine(ctx context.Context, waits *patience.Patience) (*docker.Engine, error) {
	api, err := builders.NewEngine()
	if err != nil {
		return nil, err
	}
	return docker.Connect(ctx, api, waits)
}

// engineBuilds says that the builder is a Docker Engine's own, classic that images leave it
// through the engine's store alone.
func (b *builder) engineBuilds() bool { return b.on != nil && b.on.Engine != nil }
func (b *builder) classic() bool      { return b.engineBuilds() && b.on.Classic }

func (b *builder) close() {
	if b.engine != nil {
		_ = b.engine.Close()
	}
	_ = b.on.Close()
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
	if b.classic() {
		entries, err := b.classicExports(res)
		return entries, nil, err
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
		switch {
		case b.engineBuilds() && (o.loads() || o.stores()):
			// The shortest way: the image is in the store when it is built.
			entry.Type = exporterMoby
		case o.loads():
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

// guardOwn fails where a name of the Docker Engine that builds is not dlvgen's any more.
func (b *builder) guardOwn(ctx context.Context, res *Result) error {
	if !b.engineBuilds() || len(b.engineNames()) == 0 {
		return nil
	}
	return b.guardEngine(ctx, res.Refs)
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

// apply makes a build take the folders from the session. The attribute is that of dockerui
// (localSessionIDPrefix). The build's own session has the folders too: to BuildKit v0.8, the
// attribute says which folders are the same, and no more.
func (m *sharedMounts) apply(so *client.SolveOpt) {
	if m.session == nil {
		return
	}
	for _, name := range m.names {
		so.FrontendAttrs["local-sessionid:"+name] = m.session.ID()
	}
}

func (m *sharedMounts) close() {
	if m.session != nil {
		_ = m.session.Close()
	}
}
