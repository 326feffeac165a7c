package variants

import (
	"path"

	"github.com/dlvgen/dlvgen/internal/layout"
)

// Layer is one layer that a debug image has more than what it stands on. The JSON of a
// plan describes it; who puts the image together goes by its items.
type Layer struct {
	Files       string `json:"files"`
	Description string `json:"description"`

	// Title says what is done to make it: "add init".
	Title string `json:"-"`

	// Items are put into it in their order.
	Items []Item `json:"-"`

	// Folders are production's, which the layer leaves as they are.
	Folders []Folder `json:"-"`
}

// Item is a file, folder or link of a layer: a copy where From is set, a link where Target
// is, a file with that Content, or else a folder, with those above it. What is not copied
// is root's.
type Item struct {
	Path string // in the image

	// From is what is copied, Name its path there; empty where the plan does not know it.
	From Source
	Name string

	Target  string
	Content []byte

	// Mode has the twelve bits of chmod(2). Kept leaves a copy its source's mode or owner.
	Mode, UID, GID int

	// Capabilities are given to the copy, see [Program].
	Capabilities string
}

// Kept stands for the mode or the owner that the source of a copy has.
const Kept = -1

// Source is what an item is copied from.
type Source string

// The sources.
const (
	FromProduction Source = "the production image"
	FromTools      Source = "dlvgen's tools"       // below the folder of the image's platform
	FromRebuilt    Source = "the rebuilt program"  // that file
	FromSymbols    Source = "the symbols"          // that file
	FromTests      Source = "the tests"            // that file
	FromTestdata   Source = "the tests' data"      // all files, at their own paths
	FromCaptures   Source = "the captured sources" // all files, at their own paths
	FromPlan       Source = "the plan"             // its JSON, as a file
)

// ourFolder holds all but Delve.
var ourFolder = Item{Path: layout.Dir, Mode: 0o755}

// addLayers adds the layers of a plan in the order in which they are put on. Those that
// are the same in most images come first: Delve, the same blob in every image with that
// version, and init; the plan is last.
func (p *Plan) addLayers() {
	program := p.Program
	init := Item{Path: layout.Init, From: FromTools, Name: layout.ToolInit, Mode: 0o755, Capabilities: program.Capabilities}
	p.add("add Delve "+p.Delve, layout.Delve, "Delve "+p.Delve,
		Item{Path: layout.Delve, From: FromTools, Name: path.Join(layout.ToolDelve, p.Delve, "dlv"), Mode: 0o755})
	if p.Request.Variant.Kind != KindAttach {
		p.add("add init", layout.Init, "init", ourFolder, init)
	}
	if p.Replaces() {
		p.add("put the rebuilt program in the place of "+program.File, program.File, "the program, compiled again",
			program.inPlace(Item{Path: program.File, From: FromRebuilt, Capabilities: program.Capabilities})).Folders = p.Folders
	}
	if t := p.Test; t != nil {
		p.add("add the tests of "+t.Package, program.File, "tests of "+t.Package,
			ourFolder, Item{Path: path.Dir(program.File), Mode: 0o755}, Item{Path: program.File, From: FromTests, Mode: int(program.Mode)})
	}
	if t := p.Test; t != nil && !t.InProduction {
		p.add("add testdata", t.Dir, "the package's folder, with its testdata", Item{Path: "/", From: FromTestdata, Mode: Kept}).Folders = p.Folders
	}
	if p.Request.Entry == EntryInplace {
		p.add("put a launcher in the place of "+program.File, program.File, "launcher, and the program beside it", p.launcher(init)...).Folders = p.Folders
	}
	if p.Symbols != nil {
		p.add("add symbols", p.Symbols.File, "symbols of the production binary",
			ourFolder, Item{Path: path.Dir(p.Symbols.File), Mode: 0o755}, Item{Path: p.Symbols.File, From: FromSymbols, Mode: 0o444})
	}
	if p.Request.Variant.Sources == SourcesBaked {
		p.add("add sources", "the paths of the debug information", "sources that were compiled",
			Item{Path: "/", From: FromCaptures, Mode: Kept}).Folders = p.Folders
	}
	p.add("add plan", layout.Dir, "plan and Delve's settings", ourFolder,
		Item{Path: path.Dir(layout.DelveConfig), Mode: 0o755},
		Item{Path: path.Dir(layout.TelemetryMode), Mode: 0o755},
		Item{Path: layout.DelveConfig, Mode: 0o444, Content: p.DelveConfig()},
		Item{Path: layout.TelemetryMode, Mode: 0o444, Content: []byte("off")},
		Item{Path: layout.Plan, Mode: 0o444, From: FromPlan})
}

// add adds one layer.
func (p *Plan) add(title, files, description string, items ...Item) *Layer {
	p.Layers = append(p.Layers, Layer{Title: title, Files: files, Description: description, Items: items})
	return &p.Layers[len(p.Layers)-1]
}

// launcher is init in the program's place, and the program beside it. The link by which
// the launcher starts it has the program's name, which the kernel makes that of the process.
func (p *Plan) launcher(init Item) []Item {
	program, moved := p.Program, Item{Path: p.Moved(), From: FromProduction, Name: p.Program.File, Mode: Kept, UID: Kept, GID: Kept}
	if program.Rebuilt != nil {
		moved = program.inPlace(Item{Path: p.Moved(), From: FromRebuilt, Capabilities: program.Capabilities})
	}
	init.Path = program.File
	items := []Item{moved, program.inPlace(init)}
	if program.Real != moved.Path {
		items = append(items, ourFolder, Item{Path: layout.Program, Mode: 0o755}, Item{Path: program.Real, Target: moved.Path})
	}
	return items
}

// inPlace gives an item the program's own mode and owner.
func (p Program) inPlace(i Item) Item {
	i.Mode, i.UID, i.GID = int(p.Mode), p.UID, p.GID
	return i
}
