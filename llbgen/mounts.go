package llbgen

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/system"
)

// mounter adds dlvgen's mounts to one step. It changes the op that it is given.
type mounter struct {
	in       *instrumenter
	op       *pb.Op
	platform *pb.Platform
}

// mountAll adds every mount and the PATH, and returns the output index of the
// capture.
func (m *mounter) mountAll(t Toolchain) (int64, error) {
	ours, err := m.in.ownInputs(m.platform)
	if err != nil {
		return 0, err
	}
	tools, folders := m.input(ours.tools), m.input(ours.folders)
	m.bind(tools, m.in.opts.Tools.path(m.platform, layout.ToolBin), layout.Bin)
	if err := m.standIn(tools, t.Programs); err != nil {
		return 0, err
	}
	if !m.in.opts.NoGoCache {
		m.cache(folders, "go-build", layout.GoCache)
		m.cache(folders, "go-mod", t.ModCache)
	}
	m.prependPath()

	output := m.nextOutput()
	m.add(&pb.Mount{Input: folders, Selector: captureFolder, Dest: layout.Capture, Output: output})
	return output, nil
}

// input adds an input to the step and returns its index.
func (m *mounter) input(in *pb.Input) int64 {
	m.op.Inputs = append(m.op.Inputs, in.CloneVT())
	return int64(len(m.op.Inputs) - 1)
}

// ownInputs are the results that steps mount from us: the tree of tools, and the
// folders that writable mounts start from.
type ownInputs struct {
	tools, folders *pb.Input
}

// ownInputs grafts them onto the new definition, once for a platform.
func (in *instrumenter) ownInputs(p *pb.Platform) (ownInputs, error) {
	key := layout.Platform(p.OS, p.Architecture, p.Variant)
	if ours, ok := in.ours[key]; ok {
		return ours, nil
	}
	tools, err := in.graftState(in.opts.Tools.State, p)
	if err != nil {
		return ownInputs{}, err
	}
	folders, err := in.graftState(mountFolders(), p)
	if err != nil {
		return ownInputs{}, err
	}
	in.ours[key] = ownInputs{tools: tools, folders: folders}
	return in.ours[key], nil
}

func (in *instrumenter) graftState(st llb.State, p *pb.Platform) (*pb.Input, error) {
	def, err := st.Marshal(context.Background(), llb.Platform(p.Spec()))
	if err != nil {
		return nil, fmt.Errorf("marshalling dlvgen's own mounts: %w", err)
	}
	return in.out.graft(def.ToPB())
}

// standIn binds the stand-in over each go command, the real one beside it. The
// real one is taken from a second mount of the step's own root. That mount must
// not turn on content-based caching, which BuildKit decides by an input's last
// mount: it would hash the whole root (solver/llbsolver/ops/exec.go, getMountDeps).
func (m *mounter) standIn(tools int64, programs []string) error {
	root := rootMount(m.op.GetExec())
	if len(programs) > 0 && root.Input < 0 {
		return fmt.Errorf("a toolchain in %s was reported for a step that starts from nothing", programs[0])
	}
	for _, p := range programs {
		m.bind(root.Input, p, layout.Real+p).ContentCache = pb.MountContentCache_OFF
		m.bind(tools, m.in.opts.Tools.path(m.platform, layout.ToolGo), p)
	}
	return nil
}

// cache mounts a persistent folder unless the user's own mount covers the place.
// One user's files are no other's, so each has a cache of their own.
func (m *mounter) cache(folders int64, name, dest string) {
	if dest == "" || slices.ContainsFunc(m.op.GetExec().Mounts, func(o *pb.Mount) bool {
		return o.Dest != pb.RootMount && within(dest, o.Dest)
	}) {
		return
	}
	id := []string{"dlvgen", name, layout.Platform(m.platform.OS, m.platform.Architecture, m.platform.Variant)}
	if user := m.op.GetExec().Meta.User; user != "" && user != "root" && user != "0" {
		id = append(id, user)
	}
	joined := strings.Join(id, "-")
	if ns := m.in.opts.CacheNamespace; ns != "" {
		joined = ns + "/" + joined
	}
	m.add(&pb.Mount{
		Input:     folders,
		Selector:  cacheFolder,
		Dest:      dest,
		Output:    int64(pb.SkipOutput),
		MountType: pb.MountType_CACHE,
		CacheOpt:  &pb.CacheOpt{ID: joined, Sharing: pb.CacheSharingOpt_SHARED},
	})
}

// bind adds a read-only mount.
func (m *mounter) bind(input int64, selector, dest string) *pb.Mount {
	return m.add(&pb.Mount{Input: input, Selector: selector, Dest: dest, Output: int64(pb.SkipOutput), Readonly: true})
}

func (m *mounter) add(mount *pb.Mount) *pb.Mount {
	exec := m.op.GetExec()
	exec.Mounts = append(exec.Mounts, mount)
	return mount
}

// nextOutput is the first output index that no mount has.
func (m *mounter) nextOutput() int64 {
	next := int64(0)
	for _, o := range m.op.GetExec().Mounts {
		next = max(next, o.Output+1)
	}
	return next
}

// prependPath puts the stand-ins first in the step's PATH.
func (m *mounter) prependPath() {
	meta := m.op.GetExec().Meta
	for i, e := range meta.Env {
		if old, ok := strings.CutPrefix(e, "PATH="); ok {
			meta.Env[i] = "PATH=" + layout.Bin + ":" + old
			return
		}
	}
	meta.Env = append(meta.Env, "PATH="+layout.Bin+":"+system.DefaultPathEnvUnix)
}

// platformOf is the platform that a step runs on.
func platformOf(op *pb.Op) *pb.Platform {
	if op.Platform != nil && op.Platform.OS != "" {
		return op.Platform
	}
	return &pb.Platform{OS: "linux", Architecture: "amd64"}
}
