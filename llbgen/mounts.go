package llbgen

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/shell"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/dlvgen/dlvgen/variants/delve"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/system"
)

// Mount is one of dlvgen's mounts in a compile step, in the terms of no builder.
type Mount struct {
	Dest string

	// Files are prepared under the title, and the first is what is mounted with all that is
	// in it; one without a path is mounted where it lies. An output without files is empty.
	Files []variants.Item
	Title string

	// Name is one for each content on a platform: by default the first file's path. No two
	// mounts of a step have one name, thus one input: when a step fails, BuildKit releases
	// such an input twice and reports that instead of the failure (registerResultIDsLocked in
	// frontend/gateway/gateway.go, v0.34.2).
	Name string

	ID     string // of a cache, which stays from build to build
	Output bool   // is a result of the step; what is neither is read-only
	InPath bool   // the folder goes ahead of the step's PATH
}

// FromStep is the step's own root file system as a source.
const FromStep variants.Source = "the step"

// NoToolsError says that a step that compiles runs on a platform that dlvgen has no tools
// for.
type NoToolsError struct{ Platform string }

func (e *NoToolsError) Error() string {
	return fmt.Sprintf("the step runs on %s, and dlvgen has its tools for %s: leave out other platforms", e.Platform, delve.Shipped)
}

// mounter adds dlvgen's mounts to one step. It changes the op that it is given.
type mounter struct {
	in       *instrumenter
	op       *pb.Op
	script   script
	platform *pb.Platform
}

// mountAll adds every mount and the PATH, and returns the mounts and the index of each
// output by its place.
func (m *mounter) mountAll(t Toolchain) (mounts []Mount, outputs map[string]int64, err error) {
	if !delve.Ships(m.platform.OS, m.platform.Architecture) {
		return nil, nil, &NoToolsError{Platform: m.platform.OS + "/" + m.platform.Architecture}
	}
	if mounts, err = m.mounts(t); err != nil {
		return nil, nil, err
	}
	outputs = map[string]int64{}
	var folders []string
	for _, mount := range mounts {
		output, err := m.add(mount)
		if err != nil {
			return nil, nil, err
		}
		if mount.Output {
			outputs[mount.Dest] = output
		}
		if mount.InPath {
			folders = append(folders, mount.Dest)
		}
	}
	m.prependPath(strings.Join(folders, ":"))
	return mounts, outputs, nil
}

// mounts lists what is mounted into the step, where, and in which order.
func (m *mounter) mounts(t Toolchain) ([]Mount, error) {
	list := []Mount{{Dest: layout.Bin, Name: "tools", InPath: true, Files: []variants.Item{{From: variants.FromTools, Name: layout.ToolBin}}}}
	if mode := m.in.opts.Mode; mode != "" && mode != ModeDebug {
		files := []variants.Item{{Path: "/" + string(mode), Mode: 0o444, Content: []byte(mode)}}
		list = append(list, Mount{Dest: layout.Mode, Files: files, Title: "prepare the mode " + string(mode)})
	}
	if pkg := m.in.opts.Test; pkg != "" {
		files := []variants.Item{{Path: "/test", Mode: 0o444, Content: []byte(pkg)}}
		list = append(list, Mount{Dest: layout.Test, Files: files, Title: "prepare the compile of the tests of " + pkg})
	}
	if names := m.standIns(); len(names) > 0 {
		const folder = "/stand-ins"
		files := []variants.Item{{Path: folder, Mode: 0o755}}
		for _, name := range names {
			files = append(files, standIn(path.Join(folder, name)))
		}
		list = append(list, Mount{
			Dest: layout.StandIns, Files: files, Title: "prepare the stand-ins for " + strings.Join(names, ", "),
			Name: strings.Join(names, "-"), InPath: true,
		})
	}
	exec := m.op.GetExec()
	for i, p := range t.Programs {
		if within(p, packagedGo) && m.script.RemovesPackages() {
			continue // a mount point would fail the package manager; PATH leads to the stand-in
		}
		list = append(list,
			Mount{Dest: layout.Real + p, Files: []variants.Item{{Path: "/go", From: FromStep, Name: p}}, Title: "take " + p + " aside"},
			Mount{Dest: p, Files: []variants.Item{standIn(fmt.Sprintf("/go-%d", i))}, Title: "prepare the stand-in for go"})
	}
	if !m.in.opts.NoGoCache {
		list = append(list, m.cache("go-build", layout.GoCache)...)
		list = append(list, m.cache("go-mod", t.ModCache)...)
	}
	// The capture's folder says which of the mounts may be captured from.
	from, err := json.Marshal(capturable(exec.Mounts, list))
	if err != nil {
		return nil, fmt.Errorf("encoding the step's mount points: %w", err)
	}
	files := []variants.Item{{Path: captureFolder, Mode: 0o777}, {Path: path.Join(captureFolder, layout.CaptureFrom), Mode: 0o444, Content: from}}
	list = append(list, Mount{
		Dest: layout.Capture, Output: true, Files: files, Title: "prepare " + captureFolder, Name: captureFolder + string(from),
	})
	if m.in.opts.Merges {
		list = append(list, Mount{Dest: layout.Sources, Output: true})
	}
	return list, nil
}

// standIn is the stand-in for go and others.
func standIn(path string) variants.Item {
	return variants.Item{Path: path, From: variants.FromTools, Name: layout.ToolGo}
}

// capturable lists the mount points whose files may be in an image: those of bind and
// cache mounts. Others hold secrets, or what nobody is to keep. The root is no mount
// point, and in our own folder there is nothing to capture. All of ours are such mounts.
func capturable(theirs []*pb.Mount, ours []Mount) []string {
	types := map[string][]pb.MountType{}
	for _, m := range ours {
		types[path.Join("/", m.Dest)] = nil
	}
	for _, m := range theirs {
		point := path.Join("/", m.Dest)
		types[point] = append(types[point], m.MountType)
	}
	points := slices.Sorted(maps.Keys(types))
	return slices.DeleteFunc(points, func(point string) bool {
		closed := func(t pb.MountType) bool { return t != pb.MountType_BIND && t != pb.MountType_CACHE }
		return point == pb.RootMount || within(point, layout.Dir) || slices.ContainsFunc(types[point], closed)
	})
}

// standIns are the names of stand-ins for rm and for programs that strip, where one may be
// run. What production ships is stripped as it is.
func (m *mounter) standIns() (names []string) {
	if m.script.MayRemove() {
		names = append(names, "rm")
	}
	if m.in.opts.Mode != ModeSymbols && m.script.MayStrip() {
		names = append(names, shell.Strippers...)
	}
	return names
}

// cache is a persistent folder, none where the user's own mount covers the place. One
// user's files are no other's, so each has a cache of their own.
func (m *mounter) cache(name, dest string) []Mount {
	exec := m.op.GetExec()
	if dest == "" || hides(exec, dest) {
		return nil
	}
	id := "dlvgen-" + name + "-" + layout.Platform(m.platform.OS, m.platform.Architecture, m.platform.Variant)
	if user := exec.Meta.User; user != "" && user != "root" && user != "0" {
		id += "-" + user
	}
	if ns := m.in.opts.CacheNamespace; ns != "" {
		id = ns + "/" + id
	}
	shown := "/" + layout.CachePrefix + name
	// Anybody may write to it, since a step may run as any user.
	files := []variants.Item{{Path: shown, Mode: 0o777}}
	return []Mount{{Dest: dest, Files: files, Title: "prepare " + shown, ID: id}}
}

// add renders a mount, and returns the index of the step's result that it is.
func (m *mounter) add(from Mount) (output int64, err error) {
	var first variants.Item
	if len(from.Files) > 0 {
		first = from.Files[0]
	}
	to := &pb.Mount{Selector: first.Path, Dest: from.Dest, Output: int64(pb.SkipOutput), Readonly: from.ID == "" && !from.Output}
	switch {
	case len(from.Files) == 0:
		to.Input = int64(pb.Empty)
	case first.Path == "":
		tool := m.in.opts.Tools(m.platform.Spec(), first.Name)
		to.Selector = tool.Path
		to.Input, err = m.own(from.Name, func() llb.State { return tool.State })
	case first.From == FromStep:
		to.Input, err = m.copyOut(first, from.Title)
	default:
		to.Input, err = m.own(cmp.Or(from.Name, first.Path), func() llb.State {
			return llb.Scratch().File(m.action(from.Files), llb.WithCustomName("[dlvgen] "+from.Title))
		})
	}
	exec := m.op.GetExec()
	switch {
	case from.ID != "":
		to.MountType, to.CacheOpt = pb.MountType_CACHE, &pb.CacheOpt{ID: from.ID, Sharing: pb.CacheSharingOpt_SHARED}
	case from.Output:
		to.Output = 0 // or the first that no mount has
		for _, o := range exec.Mounts {
			to.Output = max(to.Output, o.Output+1)
		}
	}
	exec.Mounts = append(exec.Mounts, to)
	return to.Output, err
}

// action makes the files of a mount.
func (m *mounter) action(files []variants.Item) (a *llb.FileAction) {
	for _, f := range files {
		switch {
		case f.From == variants.FromTools:
			tool := m.in.opts.Tools(m.platform.Spec(), f.Name)
			a = a.Copy(tool.State, tool.Path, f.Path)
		case f.Content != nil:
			a = a.Mkfile(f.Path, fs.FileMode(f.Mode), f.Content)
		default:
			a = a.Mkdir(f.Path, fs.FileMode(f.Mode))
		}
	}
	return a
}

// own adds a state of ours to the step's inputs and returns its index. A state is
// made and marshalled once for a name and platform.
func (m *mounter) own(name string, state func() llb.State) (int64, error) {
	key := name + "/" + layout.Platform(m.platform.OS, m.platform.Architecture, m.platform.Variant)
	in, ok := m.in.ours[key]
	if !ok {
		def, err := state().Marshal(context.Background(), llb.Platform(m.platform.Spec()))
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

// copyOut adds a file of the step's root file system to its inputs, in a result of its own.
func (m *mounter) copyOut(f variants.Item, title string) (int64, error) {
	root := rootMount(m.op.GetExec())
	if root == nil || root.Input < 0 || root.Input >= int64(len(m.op.Inputs)) {
		return 0, fmt.Errorf("a toolchain in %s was reported for a step that starts from nothing", f.Name)
	}
	v, err := encode(&pb.Op{
		Inputs:   []*pb.Input{m.op.Inputs[root.Input].CloneVT()},
		Platform: m.platform.CloneVT(),
		Op: &pb.Op_File{File: &pb.FileOp{Actions: []*pb.FileAction{{
			Input:          int64(pb.Empty),
			SecondaryInput: 0,
			Output:         0,
			Action:         &pb.FileAction_Copy{Copy: &pb.FileActionCopy{Src: f.Name, Dest: f.Path, Mode: -1, Timestamp: -1}},
		}}}},
	})
	if err != nil {
		return 0, err
	}
	m.in.out.add(v, &pb.OpMetadata{
		Description: map[string]string{"llb.customname": "[dlvgen] " + title},
		Caps:        map[string]bool{string(pb.CapFileBase): true},
	})
	return m.input(&pb.Input{Digest: string(v.digest)}), nil
}

// prependPath puts folders of stand-ins first in the step's PATH.
func (m *mounter) prependPath(folders string) {
	meta := m.op.GetExec().Meta
	for i, e := range meta.Env {
		if old, ok := strings.CutPrefix(e, "PATH="); ok {
			meta.Env[i] = "PATH=" + folders + ":" + old
			return
		}
	}
	meta.Env = append(meta.Env, "PATH="+folders+":"+system.DefaultPathEnvUnix)
}

// platformOf is the platform that a step runs on.
func platformOf(op *pb.Op) *pb.Platform {
	if op.Platform != nil && op.Platform.OS != "" {
		return op.Platform
	}
	return &pb.Platform{OS: "linux", Architecture: "amd64"}
}
