package bake

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/filesync"
	"github.com/moby/buildkit/session/grpchijack"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
)

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
