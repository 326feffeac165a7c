package llbgen

import (
	"fmt"
	"io/fs"
	"path"
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

	// Captures are of the steps that compiled the program.
	Captures []Captured

	// Rebuilt has the program at RebuiltPath, where the plan says that it is not
	// production's file.
	Rebuilt     llb.State
	RebuiltPath string

	// Symbols has the debug information of the production binary at SymbolsPath,
	// where the plan has symbols.
	Symbols     llb.State
	SymbolsPath string

	Tools    Tools
	Platform ocispecs.Platform
	Plan     *variants.Plan

	// Builder is the platform on which steps of ours run.
	Builder ocispecs.Platform

	// PlanJSON is the plan as the image holds it.
	PlanJSON []byte
}

// Captured is what one user's calls recorded in a step.
type Captured struct {
	State llb.State

	// Folder is the user's, in State.
	Folder string
}

// Assemble adds the layers of the plan to production's, or, for a sidecar, to nothing. It
// merges where the daemon can, so that no layer depends on another, and copies where it
// cannot. The files are the same either way.
func Assemble(p Parts, caps apicaps.CapSet) llb.State {
	base := p.Production
	if p.Plan.Request.Variant.Kind == variants.KindSidecar {
		base = llb.Scratch()
	}
	if caps.Supports(pb.CapMergeOp) == nil {
		states := []llb.State{base}
		for _, l := range p.Plan.Layers {
			states = append(states, p.onto(llb.Scratch(), l))
		}
		return llb.Merge(states, llb.WithCustomName(fmt.Sprintf("[dlvgen] put %s together", p.Plan.Request.Preset)))
	}
	st := base
	for _, l := range p.Plan.Layers {
		st = p.onto(st, l)
	}
	return st
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
		for _, c := range p.Captures {
			info := copyOf(i)
			info.CopyDirContentsOnly = true
			a = a.Copy(c.State, CaptureSources(c.Folder)+"/", i.Path, info)
		}
		return a
	case i.From != "":
		from := p.source(i)
		return a.Copy(from.state, from.path, i.Path, copyOf(i))
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

// foldersOf has production's folders, empty. A folder's parents stand before it. They
// are copies, because BuildKit makes folders without the bits beside the permissions.
func foldersOf(folders []variants.Folder) llb.State {
	var action *llb.FileAction
	for _, f := range folders {
		info := &llb.CopyInfo{Mode: &llb.ChmodOpt{Mode: fs.FileMode(f.Mode)}, CreatedTime: &layerTime}
		llb.WithUIDGID(f.UID, f.GID).SetCopyOption(info)
		if action == nil {
			action = llb.Copy(emptyFolder(), emptyFolderPath, f.Path, info)
			continue
		}
		action = action.Copy(emptyFolder(), emptyFolderPath, f.Path, info)
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
