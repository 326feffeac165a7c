package llbgen

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// layerTime is the modification time of every file in a layer of ours, so that a
// layer's digest is made of its content alone.
var layerTime = time.Unix(0, 0).UTC()

// Parts are what a debug image is put together from.
type Parts struct {
	// Production is the root file system that the instrumented build made.
	Production llb.State

	// Sources are what the plan's items of variants.FromCaptures are.
	Sources []Sources

	// Read is what was read of the instrumented build to make the plan: another builder with
	// this one's cache needs it too.
	Read []llb.State

	// Files are what the plan's items of variants.FromRebuilt, FromSymbols, FromTests and
	// FromTestdata are copied from, where it has such items.
	Files map[variants.Source]File

	Tools    Tools
	Platform ocispecs.Platform
	Plan     *variants.Plan

	// Builder is the platform on which steps of ours run.
	Builder ocispecs.Platform

	// PlanJSON is the plan as the image holds it.
	PlanJSON []byte
}

// Sources are a folder of captured sources at their paths.
type Sources struct {
	File

	// Layer says that it is a layer as it is. In others that are a whole state, calls that
	// were killed may have left temporary files.
	Layer bool
}

// File is a file or a folder of a state.
type File struct {
	State llb.State
	Path  string
}

// Assemble adds the layers of the plan to production's, or, for a sidecar, to nothing. It
// merges where the daemon can, so that no layer depends on another, and copies where it
// cannot. The files are the same either way.
func Assemble(p Parts, caps apicaps.CapSet) llb.State {
	base := p.Production
	if p.Plan.Request.Variant.Kind == variants.KindSidecar {
		base = llb.Scratch()
	}
	merges, states := caps.Supports(pb.CapMergeOp) == nil, []llb.State{base}
	for _, l := range p.Plan.Layers {
		switch {
		case !merges:
			states[0] = p.onto(states[0], l)
		case p.isSources(l):
			states = append(states, p.Sources[0].State)
		default:
			states = append(states, p.onto(llb.Scratch(), l))
		}
	}
	if !merges {
		return states[0]
	}
	if caps.Supports(pb.CapDiffOp) == nil {
		states = append(states, p.kept()...)
	}
	return llb.Merge(states, llb.WithCustomName(fmt.Sprintf("[dlvgen] put %s together", p.Plan.Request.Preset)))
}

// kept adds nothing to an image, and depends on what was read: a builder exports the cache
// of what the image depends on alone.
func (p Parts) kept() []llb.State {
	var nothing []llb.State
	for _, st := range p.Read {
		nothing = append(nothing, llb.Diff(st, st, llb.WithCustomName("[dlvgen] keep what was recorded in the cache")))
	}
	return nothing
}

// isSources tells whether a layer is one result of a step as it is: copying thousands of
// files takes longer than all else.
func (p Parts) isSources(l variants.Layer) bool {
	only := len(l.Items) == 1 && l.Items[0].From == variants.FromCaptures && len(l.Folders) == 0
	return only && len(p.Sources) == 1 && p.Sources[0].Layer
}

// onto puts a layer on a state. The files are gathered first and then copied as a whole,
// because a folder's time is fixed only after everything is in it.
func (p Parts) onto(st llb.State, l variants.Layer) llb.State {
	var gather *llb.FileAction
	for _, i := range l.Items {
		gather = p.put(gather, i)
	}
	if len(l.Folders) > 0 {
		// Last, because a copied folder takes mode and owner of its source along.
		gather = gather.Copy(foldersOf(l.Folders), "/", "/", &llb.CopyInfo{CopyDirContentsOnly: true})
	}
	gathered := llb.Scratch().File(gather, llb.WithCustomName("[dlvgen] gather: "+l.Title))
	all := llb.Copy(gathered, "/", "/", &llb.CopyInfo{CopyDirContentsOnly: true, CreatedTime: &layerTime})
	for _, f := range l.Folders {
		// A copy to a folder that is there changes nothing but its time.
		modified := time.Unix(0, f.Modified).UTC()
		all = all.Copy(emptyFolder(), emptyFolderPath, f.Path, &llb.CopyInfo{CopyDirContentsOnly: true, CreatedTime: &modified})
	}
	return st.File(all, llb.WithCustomName("[dlvgen] "+l.Title))
}

// put adds an item to what a file op does.
func (p Parts) put(a *llb.FileAction, i variants.Item) *llb.FileAction {
	at, mode := llb.WithCreatedTime(layerTime), fs.FileMode(i.Mode)
	switch {
	case i.From == variants.FromPlan:
		return a.Mkfile(i.Path, mode, p.PlanJSON, at)
	case i.From == variants.FromCaptures:
		for _, s := range p.Sources {
			info := copyOf(i)
			info.CopyDirContentsOnly = true
			a = a.Copy(s.State, strings.TrimSuffix(s.Path, "/")+"/", i.Path, info)
			if s.Path == "/" && !s.Layer {
				a = a.Rm(path.Join(i.Path, layout.TemporaryPrefix+"*"), llb.WithAllowWildcard(true), llb.WithAllowNotFound(true))
			}
		}
		return a
	case i.From != "":
		from, info := p.source(i), copyOf(i)
		info.CopyDirContentsOnly = i.From == variants.FromTestdata
		return a.Copy(from.State, from.Path, i.Path, info)
	case i.Target != "":
		return a.Symlink(i.Target, i.Path, at)
	case i.Content != nil:
		return a.Mkfile(i.Path, mode, i.Content, at)
	}
	return a.Mkdir(i.Path, mode, at, llb.WithParents(true))
}

// copyOf copies with the item's mode and owner, and with the time of our layers.
func copyOf(i variants.Item) *llb.CopyInfo {
	info := &llb.CopyInfo{CreateDestPath: true, CreatedTime: &layerTime}
	if i.Mode != variants.Kept {
		info.Mode = &llb.ChmodOpt{Mode: fs.FileMode(i.Mode)} // the bits of chmod(2), as BuildKit takes it
	}
	if i.UID != variants.Kept {
		llb.WithUIDGID(i.UID, i.GID).SetCopyOption(info)
	}
	return info
}

// source is the file that an item is copied from.
func (p Parts) source(i variants.Item) File {
	f := p.Files[i.From]
	switch i.From {
	case variants.FromProduction:
		f = File{p.Production, i.Name}
	case variants.FromTools:
		f = p.Tools(p.Platform, i.Name)
	}
	if i.Capabilities == "" {
		return f
	}
	return p.granted(f, cmp.Or(i.Name, string(i.From)), i.Capabilities)
}

// granted gives a file the capabilities of the production program's file. LLB has no op
// for that, so that a step runs init's own code, on the builder's platform.
func (p Parts) granted(f File, name, capabilities string) File {
	const from, to = "/from", "/granted"
	program := path.Join(to, path.Base(f.Path))
	// No two mounts of the step have one input, see mounter.mountAll.
	init := p.Tools(p.Builder, layout.ToolInit)
	root := llb.Scratch().File(llb.Copy(init.State, init.Path, "/init"), llb.WithCustomName("[dlvgen] prepare the step that gives capabilities"))
	step := root.Run(
		llb.Args([]string{"/init", layout.GrantWord, capabilities, path.Join(from, f.Path), program}),
		llb.AddMount(from, f.State, llb.Readonly),
		llb.Platform(p.Builder),
		llb.Network(llb.NetModeNone),
		llb.WithCustomName("[dlvgen] give "+name+" the program's capabilities"),
	)
	return File{step.AddMount(to, llb.Scratch()), "/" + path.Base(f.Path)}
}

// foldersOf has production's folders, empty. A folder's parents stand before it. They
// are copies, because BuildKit makes folders without the bits beside the permissions.
func foldersOf(folders []variants.Folder) llb.State {
	var action *llb.FileAction
	for _, f := range folders {
		action = action.Copy(emptyFolder(), emptyFolderPath, f.Path, copyOf(variants.Item{Mode: int(f.Mode), UID: f.UID, GID: f.GID}))
	}
	return llb.Scratch().File(action, llb.WithCustomName("[dlvgen] prepare production's folders"))
}

// emptyFolder has an empty folder at emptyFolderPath.
func emptyFolder() llb.State {
	return llb.Scratch().File(llb.Mkdir(emptyFolderPath, 0o755, llb.WithCreatedTime(layerTime)), llb.WithCustomName("[dlvgen] prepare an empty folder"))
}

const emptyFolderPath = "/folder"

// CaptureRoot is the capture's folder in its state. It has a folder for each user.
func CaptureRoot() string { return captureFolder }

// CaptureManifests is the folder of the manifests in that of a user.
func CaptureManifests(user string) string { return path.Join(user, layout.CaptureBuilds) }

// CaptureSources is the folder of the captured sources in that of a user.
func CaptureSources(user string) string { return path.Join(user, layout.CaptureSources) }
