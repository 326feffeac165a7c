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

// Assemble adds the layers of the plan to production's, or, for a sidecar, to
// nothing. Those that are the same in most images come first: Delve, the same blob in
// every image with that version, and init; the plan is last. It merges where the
// daemon can, so that no layer depends on another, and copies where it cannot. The
// files are the same either way.
func Assemble(p Parts, caps apicaps.CapSet) llb.State {
	base := p.Production
	if p.Plan.Request.Variant.Kind == variants.KindSidecar {
		base = llb.Scratch()
	}
	layers := layersOf(p)
	if caps.Supports(pb.CapMergeOp) == nil {
		states := []llb.State{base}
		for _, l := range layers {
			states = append(states, l.onto(llb.Scratch()))
		}
		return llb.Merge(states, llb.WithCustomName(fmt.Sprintf("[dlvgen] put %s together", p.Plan.Request.Preset)))
	}
	st := base
	for _, l := range layers {
		st = l.onto(st)
	}
	return st
}

// layersOf makes the layers that the plan lists, in its order.
func layersOf(p Parts) []layer {
	layers := []layer{delveLayer(p)}
	if p.Plan.Request.Variant.Kind != variants.KindAttach {
		layers = append(layers, initLayer(p))
	}
	if p.Plan.Replaces() {
		layers = append(layers, rebuiltLayer(p))
	}
	if p.Plan.Request.Entry == variants.EntryInplace {
		layers = append(layers, launcherLayer(p))
	}
	if p.Plan.Symbols != nil {
		layers = append(layers, symbolsLayer(p))
	}
	if p.Plan.Request.Variant.Sources == variants.SourcesBaked {
		layers = append(layers, sourcesLayer(p))
	}
	return append(layers, planLayer(p))
}

// layer is one file op's worth of files, with the name that the progress display
// gives it.
type layer struct {
	name   string
	action *llb.FileAction

	// folders are production's, which the layer leaves as they are.
	folders []variants.Folder
}

// onto puts the layer on a state. The files are gathered first and then copied as
// a whole, because a folder's time is fixed only after everything is in it.
func (l layer) onto(st llb.State) llb.State {
	gather := l.action
	if len(l.folders) > 0 {
		// Last, because a copied folder takes mode and owner of its source along.
		gather = gather.Copy(foldersOf(l.folders), "/", "/", &llb.CopyInfo{CopyDirContentsOnly: true})
	}
	gathered := llb.Scratch().File(gather, llb.WithCustomName("[dlvgen] gather: "+l.name))
	all := llb.Copy(gathered, "/", "/", &llb.CopyInfo{CopyDirContentsOnly: true, CreatedTime: &layerTime})
	for _, f := range l.folders {
		// A copy to a folder that is there changes nothing but its time.
		modified := time.Unix(0, f.Modified).UTC()
		all = all.Copy(emptyFolder(), emptyFolderPath, f.Path, &llb.CopyInfo{CopyDirContentsOnly: true, CreatedTime: &modified})
	}
	return st.File(all, llb.WithCustomName("[dlvgen] "+l.name))
}

func delveLayer(p Parts) layer {
	from := p.Tools.Path(p.Platform, path.Join(layout.ToolDelve, p.Plan.Delve, "dlv"))
	return layer{
		name:   "add Delve " + p.Plan.Delve,
		action: llb.Copy(p.Tools.State, from, layout.Delve, owned(0o755)),
	}
}

func initLayer(p Parts) layer {
	init := p.init()
	return layer{
		name: "add init",
		action: llb.Mkdir(layout.Dir, 0o755, llb.WithCreatedTime(layerTime)).
			Copy(init.state, init.path, layout.Init, owned(0o755)),
	}
}

// launcherLayer puts init in the program's place, with the program's mode and
// owner, and the program beside it. The link by which the launcher starts it has the
// program's name, which the kernel makes that of the process.
func launcherLayer(p Parts) layer {
	program, moved, launcher := p.Plan.Program, p.Plan.Moved(), p.init()
	real, how := placed{p.Production, program.File}, &llb.CopyInfo{CreateDestPath: true, CreatedTime: &layerTime}
	if program.Rebuilt != nil {
		real, how = p.rebuilt(), asProgram(program)
	}
	action := llb.Copy(real.state, real.path, moved, how).
		Copy(launcher.state, launcher.path, program.File, asProgram(program))
	if program.Real != moved {
		at := llb.WithCreatedTime(layerTime)
		action = action.Mkdir(layout.Dir, 0o755, at).Mkdir(layout.Program, 0o755, at).Symlink(moved, program.Real, at)
	}
	return layer{name: "put a launcher in the place of " + program.File, action: action, folders: p.Plan.Folders}
}

// rebuiltLayer puts the program that was compiled again in the place of production's.
func rebuiltLayer(p Parts) layer {
	program, rebuilt := p.Plan.Program, p.rebuilt()
	action := llb.Copy(rebuilt.state, rebuilt.path, program.File, asProgram(program))
	return layer{name: "put the rebuilt program in the place of " + program.File, action: action, folders: p.Plan.Folders}
}

// asProgram copies with the program's own mode and owner.
func asProgram(program variants.Program) *llb.CopyInfo {
	info := owned(int(program.Mode))
	llb.WithUser(fmt.Sprintf("%d:%d", program.UID, program.GID)).SetCopyOption(info)
	return info
}

func symbolsLayer(p Parts) layer {
	return layer{
		name:   "add symbols",
		action: llb.Copy(p.Symbols, p.SymbolsPath, p.Plan.Symbols.File, owned(0o444)),
	}
}

// planLayer has what is the image's own: the plan and Delve's settings.
func planLayer(p Parts) layer {
	at, inside := llb.WithCreatedTime(layerTime), llb.WithParents(true)
	return layer{
		name: "add plan",
		action: llb.Mkdir(layout.Dir, 0o755, at).
			Mkdir(path.Dir(layout.DelveConfig), 0o755, at, inside).
			Mkdir(path.Dir(layout.TelemetryMode), 0o755, at, inside).
			Mkfile(layout.DelveConfig, 0o444, p.Plan.DelveConfig(), at).
			Mkfile(layout.TelemetryMode, 0o444, []byte("off"), at).
			Mkfile(layout.Plan, 0o444, p.PlanJSON, at),
	}
}

// sourcesLayer has the captured files at the paths at which they were compiled.
func sourcesLayer(p Parts) layer {
	var action *llb.FileAction
	for _, c := range p.Captures {
		info := owned(-1)
		info.CopyDirContentsOnly = true
		from := CaptureSources(c.Folder) + "/"
		if action == nil {
			action = llb.Copy(c.State, from, "/", info)
			continue
		}
		action = action.Copy(c.State, from, "/", info)
	}
	return layer{name: "add sources", action: action, folders: p.Plan.Folders}
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

// owned copies as root, with the time of our layers. The mode has the bits of
// chmod(2), as BuildKit takes it; a negative one keeps the source's.
func owned(mode int) *llb.CopyInfo {
	info := &llb.CopyInfo{CreateDestPath: true, CreatedTime: &layerTime}
	if mode >= 0 {
		info.Mode = &llb.ChmodOpt{Mode: fs.FileMode(mode)}
	}
	llb.WithUser("0:0").SetCopyOption(info)
	return info
}

// CaptureRoot is the capture's folder in its state. It has a folder for each user.
func CaptureRoot() string { return captureFolder }

// CaptureManifests is the folder of the manifests in that of a user.
func CaptureManifests(user string) string { return path.Join(user, layout.CaptureBuilds) }

// CaptureSources is the folder of the captured sources in that of a user.
func CaptureSources(user string) string { return path.Join(user, layout.CaptureSources) }
