package llbgen

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/shell"
	"github.com/dlvgen/dlvgen/variants/delve"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/system"
)

// mounter adds dlvgen's mounts to one step. It changes the op that it is given.
type mounter struct {
	in       *instrumenter
	op       *pb.Op
	script   script
	platform *pb.Platform
}

// mountAll adds every mount and the PATH, and returns the output index of the
// capture.
//
// No two mounts have the same input: when a step fails, BuildKit releases such an
// input twice and reports that instead of the failure (registerResultIDsLocked in
// frontend/gateway/gateway.go, v0.34.2).
func (m *mounter) mountAll(t Toolchain) (int64, error) {
	if !delve.Ships(m.platform.OS, m.platform.Architecture) {
		return 0, fmt.Errorf("the step runs on %s/%s, and dlvgen has its tools for %s", m.platform.OS, m.platform.Architecture, delve.Shipped)
	}
	tools, err := m.own("tools", m.in.opts.Tools.State)
	if err != nil {
		return 0, err
	}
	m.bind(tools, m.in.opts.Tools.path(m.platform, layout.ToolBin), layout.Bin)
	if err := m.mode(m.in.opts.Mode); err != nil {
		return 0, err
	}
	if err := m.standIns(m.in.opts.Mode); err != nil {
		return 0, err
	}
	for i, p := range t.Programs {
		if within(p, packagedGo) && m.script.RemovesPackages() {
			continue // a mount point would fail the package manager; PATH leads to the stand-in
		}
		if err := m.standIn(i, p); err != nil {
			return 0, err
		}
	}
	if !m.in.opts.NoGoCache {
		if err := m.cache("go-build", layout.GoCache); err != nil {
			return 0, err
		}
		if err := m.cache("go-mod", t.ModCache); err != nil {
			return 0, err
		}
	}
	m.prependPath(layout.Bin)

	folder, err := m.captureFolder()
	if err != nil {
		return 0, err
	}
	output := m.nextOutput()
	m.add(&pb.Mount{Input: folder, Selector: captureFolder, Dest: layout.Capture, Output: output})
	return output, nil
}

// captureFolder adds what the capture starts from: a folder that says which of the step's
// mounts may be captured from.
func (m *mounter) captureFolder() (int64, error) {
	from, err := json.Marshal(capturable(m.op.GetExec().Mounts))
	if err != nil {
		return 0, fmt.Errorf("encoding the step's mount points: %w", err)
	}
	action := llb.Mkdir(captureFolder, 0o777).Mkfile(path.Join(captureFolder, layout.CaptureFrom), 0o444, from)
	return m.own(captureFolder+string(from), llb.Scratch().File(action, llb.WithCustomName("[dlvgen] prepare "+captureFolder)))
}

// capturable lists the mount points whose files may be in an image: those of bind and
// cache mounts. Others hold secrets, or what nobody is to keep. The root is no mount
// point, and in our own folder there is nothing to capture.
func capturable(mounts []*pb.Mount) []string {
	types := map[string][]pb.MountType{}
	for _, m := range mounts {
		point := path.Join("/", m.Dest)
		types[point] = append(types[point], m.MountType)
	}
	points := slices.Sorted(maps.Keys(types))
	return slices.DeleteFunc(points, func(point string) bool {
		closed := func(t pb.MountType) bool { return t != pb.MountType_BIND && t != pb.MountType_CACHE }
		return point == pb.RootMount || within(point, layout.Dir) || slices.ContainsFunc(types[point], closed)
	})
}

// standIns adds the stand-ins for rm and for programs that strip, where one may be
// run. What production ships is stripped as it is.
func (m *mounter) standIns(mode Mode) error {
	var names []string
	if m.script.MayRemove() {
		names = append(names, "rm")
	}
	if mode != ModeSymbols && m.script.MayStrip() {
		names = append(names, shell.Strippers...)
	}
	if len(names) == 0 {
		return nil
	}
	standIn := m.in.opts.Tools.path(m.platform, layout.ToolGo)
	all := llb.Mkdir(standInsFolder, 0o755)
	for _, name := range names {
		all = all.Copy(m.in.opts.Tools.State, standIn, path.Join(standInsFolder, name))
	}
	title := "[dlvgen] prepare the stand-ins for " + strings.Join(names, ", ")
	input, err := m.own(strings.Join(names, "-"), llb.Scratch().File(all, llb.WithCustomName(title)))
	if err != nil {
		return err
	}
	m.bind(input, standInsFolder, layout.StandIns)
	m.prependPath(layout.StandIns)
	return nil
}

// standInsFolder is where the stand-ins lie in a state of their own.
const standInsFolder = "/stand-ins"

// mode tells the stand-ins how to compile, where it is not their default.
func (m *mounter) mode(mode Mode) error {
	if mode == "" || mode == ModeDebug {
		return nil
	}
	name := "/" + string(mode)
	input, err := m.own(name, llb.Scratch().File(llb.Mkfile(name, 0o444, []byte(mode)), llb.WithCustomName("[dlvgen] prepare the mode "+string(mode))))
	if err != nil {
		return err
	}
	m.bind(input, name, layout.Mode)
	return nil
}

// own adds a state of ours to the step's inputs and returns its index. A state is
// marshalled once for a name and platform.
func (m *mounter) own(name string, st llb.State) (int64, error) {
	key := name + "/" + layout.Platform(m.platform.OS, m.platform.Architecture, m.platform.Variant)
	in, ok := m.in.ours[key]
	if !ok {
		def, err := st.Marshal(context.Background(), llb.Platform(m.platform.Spec()))
		if err != nil {
			return 0, fmt.Errorf("marshalling dlvgen's own mounts: %w", err)
		}
		if in, err = m.in.out.graft(def.ToPB()); err != nil {
			return 0, err
		}
		m.in.ours[key] = in
	}
	return m.input(in.CloneVT()), nil
}

// input adds an input to the step and returns its index.
func (m *mounter) input(in *pb.Input) int64 {
	m.op.Inputs = append(m.op.Inputs, in)
	return int64(len(m.op.Inputs) - 1)
}

// standIn binds the stand-in over a go command, the real one beside it.
func (m *mounter) standIn(i int, program string) error {
	root := rootMount(m.op.GetExec())
	if root == nil || root.Input < 0 || root.Input >= int64(len(m.op.Inputs)) {
		return fmt.Errorf("a toolchain in %s was reported for a step that starts from nothing", program)
	}
	real, err := m.copyOut(m.op.Inputs[root.Input], program)
	if err != nil {
		return err
	}
	m.bind(real, "/go", layout.Real+program)

	name := fmt.Sprintf("/go-%d", i)
	from := m.in.opts.Tools.path(m.platform, layout.ToolGo)
	standIn, err := m.own(name, llb.Scratch().File(llb.Copy(m.in.opts.Tools.State, from, name), llb.WithCustomName("[dlvgen] prepare the stand-in for go")))
	if err != nil {
		return err
	}
	m.bind(standIn, name, program)
	return nil
}

// copyOut adds a file of a root file system to the step's inputs, as /go of a
// result of its own.
func (m *mounter) copyOut(root *pb.Input, file string) (int64, error) {
	v, err := encode(&pb.Op{
		Inputs:   []*pb.Input{root.CloneVT()},
		Platform: m.platform.CloneVT(),
		Op: &pb.Op_File{File: &pb.FileOp{Actions: []*pb.FileAction{{
			Input:          int64(pb.Empty),
			SecondaryInput: 0,
			Output:         0,
			Action:         &pb.FileAction_Copy{Copy: &pb.FileActionCopy{Src: file, Dest: "/go", Mode: -1, Timestamp: -1}},
		}}}},
	})
	if err != nil {
		return 0, err
	}
	m.in.out.add(v, &pb.OpMetadata{
		Description: map[string]string{"llb.customname": "[dlvgen] take " + file + " aside"},
		Caps:        map[string]bool{string(pb.CapFileBase): true},
	})
	return m.input(&pb.Input{Digest: string(v.digest)}), nil
}

// cache mounts a persistent folder unless the user's own mount covers the place.
// One user's files are no other's, so each has a cache of their own.
func (m *mounter) cache(name, dest string) error {
	covers := func(o *pb.Mount) bool { return o.Dest != pb.RootMount && within(dest, o.Dest) }
	if dest == "" || slices.ContainsFunc(m.op.GetExec().Mounts, covers) {
		return nil
	}
	shown := "/" + layout.CachePrefix + name
	folder, err := m.own(shown, mountFolder(shown))
	if err != nil {
		return err
	}
	id := "dlvgen-" + name + "-" + layout.Platform(m.platform.OS, m.platform.Architecture, m.platform.Variant)
	if user := m.op.GetExec().Meta.User; user != "" && user != "root" && user != "0" {
		id += "-" + user
	}
	if ns := m.in.opts.CacheNamespace; ns != "" {
		id = ns + "/" + id
	}
	m.add(&pb.Mount{
		Input:     folder,
		Selector:  shown,
		Dest:      dest,
		Output:    int64(pb.SkipOutput),
		MountType: pb.MountType_CACHE,
		CacheOpt:  &pb.CacheOpt{ID: id, Sharing: pb.CacheSharingOpt_SHARED},
	})
	return nil
}

// bind adds a read-only mount.
func (m *mounter) bind(input int64, selector, dest string) {
	m.add(&pb.Mount{Input: input, Selector: selector, Dest: dest, Output: int64(pb.SkipOutput), Readonly: true})
}

func (m *mounter) add(mount *pb.Mount) {
	exec := m.op.GetExec()
	exec.Mounts = append(exec.Mounts, mount)
}

// nextOutput is the first output index that no mount has.
func (m *mounter) nextOutput() int64 {
	next := int64(0)
	for _, o := range m.op.GetExec().Mounts {
		next = max(next, o.Output+1)
	}
	return next
}

// prependPath puts a folder of stand-ins first in the step's PATH.
func (m *mounter) prependPath(folder string) {
	meta := m.op.GetExec().Meta
	for i, e := range meta.Env {
		if old, ok := strings.CutPrefix(e, "PATH="); ok {
			meta.Env[i] = "PATH=" + folder + ":" + old
			return
		}
	}
	meta.Env = append(meta.Env, "PATH="+folder+":"+system.DefaultPathEnvUnix)
}

// platformOf is the platform that a step runs on.
func platformOf(op *pb.Op) *pb.Platform {
	if op.Platform != nil && op.Platform.OS != "" {
		return op.Platform
	}
	return &pb.Platform{OS: "linux", Architecture: "amd64"}
}
