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

	// Captures are the outputs of the steps that compiled the program.
	Captures []llb.State

	Tools    Tools
	Platform ocispecs.Platform
	Plan     *variants.Plan

	// PlanJSON is the plan as the image holds it.
	PlanJSON []byte
}

// Assemble adds the layers of the plan to production's: Delve, the same blob in
// every image with that version; init with the plan; the sources where the plan
// has them. It merges where the daemon can, so that no layer depends on another,
// and copies where it cannot. The files are the same either way.
func Assemble(p Parts, caps apicaps.CapSet) llb.State {
	layers := []layer{delveLayer(p), ownLayer(p)}
	if p.Plan.Request.Variant.Sources == variants.SourcesBaked {
		layers = append(layers, sourcesLayer(p))
	}
	if caps.Supports(pb.CapMergeOp) == nil {
		states := []llb.State{p.Production}
		for _, l := range layers {
			states = append(states, l.onto(llb.Scratch()))
		}
		return llb.Merge(states, llb.WithCustomName(fmt.Sprintf("[dlvgen] put %s together", p.Plan.Request.Variant.Name)))
	}
	st := p.Production
	for _, l := range layers {
		st = l.onto(st)
	}
	return st
}

// layer is one file op's worth of files, with the name that the progress display
// gives it.
type layer struct {
	name   string
	action *llb.FileAction
}

// onto puts the layer on a state. The files are gathered first and then copied as
// a whole, because a folder's time is fixed only after everything is in it.
func (l layer) onto(st llb.State) llb.State {
	gathered := llb.Scratch().File(l.action, llb.WithCustomName("[dlvgen] gather: "+l.name))
	whole := &llb.CopyInfo{CopyDirContentsOnly: true, CreatedTime: &layerTime}
	return st.File(llb.Copy(gathered, "/", "/", whole), llb.WithCustomName("[dlvgen] "+l.name))
}

func delveLayer(p Parts) layer {
	from := p.Tools.Path(p.Platform, path.Join(layout.ToolDelve, p.Plan.Delve, "dlv"))
	return layer{
		name:   "add Delve " + p.Plan.Delve,
		action: llb.Copy(p.Tools.State, from, layout.Delve, owned(0o755)),
	}
}

func ownLayer(p Parts) layer {
	return layer{
		name: "add init and plan",
		action: llb.Mkdir(layout.Dir, 0o755, llb.WithCreatedTime(layerTime)).
			Copy(p.Tools.State, p.Tools.Path(p.Platform, layout.ToolInit), layout.Init, owned(0o755)).
			Mkfile(layout.Plan, 0o444, p.PlanJSON, llb.WithCreatedTime(layerTime)),
	}
}

// sourcesLayer has the captured files at the paths at which they were compiled.
// Folders that production has keep production's mode and owner: they are copied
// last, because a copied folder takes the mode and owner of its source along.
func sourcesLayer(p Parts) layer {
	var action *llb.FileAction
	add := func(st llb.State, from string, info *llb.CopyInfo) {
		info.CopyDirContentsOnly = true
		if action == nil {
			action = llb.Copy(st, from, "/", info)
			return
		}
		action = action.Copy(st, from, "/", info)
	}
	for _, c := range p.Captures {
		add(c, CaptureSources()+"/", owned(-1))
	}
	if len(p.Plan.Folders) > 0 {
		add(foldersOf(p.Plan.Folders), "/", &llb.CopyInfo{})
	}
	return layer{name: "add sources", action: action}
}

// foldersOf has production's folders, empty. A folder's parents stand before it.
func foldersOf(folders []variants.Folder) llb.State {
	var action *llb.FileAction
	for _, f := range folders {
		mode, opts := fs.FileMode(f.Mode), []llb.MkdirOption{llb.WithUIDGID(f.UID, f.GID), llb.WithCreatedTime(layerTime)}
		if action == nil {
			action = llb.Mkdir(f.Path, mode, opts...)
			continue
		}
		action = action.Mkdir(f.Path, mode, opts...)
	}
	return llb.Scratch().File(action, llb.WithCustomName("[dlvgen] prepare production's folders"))
}

// owned copies as root, with the time of our layers. A negative mode keeps the
// source's.
func owned(mode int) *llb.CopyInfo {
	info := &llb.CopyInfo{CreateDestPath: true, CreatedTime: &layerTime}
	if mode >= 0 {
		info.Mode = &llb.ChmodOpt{Mode: fs.FileMode(mode)}
	}
	llb.WithUser("0:0").SetCopyOption(info)
	return info
}

// CaptureManifests is the folder of the manifests in a capture's root.
func CaptureManifests() string { return path.Join(captureFolder, layout.CaptureBuilds) }

// CaptureSources is the folder of the captured sources in a capture's root.
func CaptureSources() string { return path.Join(captureFolder, layout.CaptureSources) }
