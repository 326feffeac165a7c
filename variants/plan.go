package variants

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/planfile"
	"github.com/dlvgen/dlvgen/variants/delve"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// Input is everything that a plan is made from.
type Input struct {
	Request  Request
	Platform string // "linux/amd64"

	// Config is the production image's config, Base that of the image it was
	// built from, nil for scratch.
	Config *dockerspec.DockerOCIImage
	Base   *dockerspec.DockerOCIImage

	// Epoch is SOURCE_DATE_EPOCH, nil where it was not set.
	Epoch *time.Time

	Program Program
	Command Command

	// Paths are the roots of the source paths in the debug information.
	Paths []PathRule

	// Sources are baked sources that Paths have not the folder of.
	Sources []string

	// Folders are those of production that the variant's own files go into.
	Folders []Folder

	// LeftOut are compiled files that are not to be in an image.
	LeftOut []LeftOut

	// NoLinks is set for a builder that cannot make symbolic links.
	NoLinks bool

	// Symbols are those of the production binary, for KindSidecar.
	Symbols *Symbols

	// Test is what Program tests, for KindTest.
	Test *Test

	// Reference and Digest are those of the production image, empty where they are not known.
	Reference, Digest string

	// Version is dlvgen's own.
	Version string
}

// Program is the Go program that the image starts.
type Program struct {
	// Path is absolute, and as production names it: a program may look at its own
	// name. File is the same with its symbolic links followed.
	Path string `json:"path"`
	File string `json:"file"`

	// Real is the path of the program where a launcher stands at File: a link that
	// is named as File is and leads to a file beside it, or that file.
	Real string `json:"real,omitempty"`

	// Mode, UID and GID are those of File, which a launcher takes over. Mode has the
	// twelve bits of chmod(2).
	Mode uint32 `json:"mode,omitempty"`
	UID  int    `json:"uid,omitempty"`
	GID  int    `json:"gid,omitempty"`

	// Capabilities are those of File (setcap), which what starts it needs too: the
	// value of its attribute security.capability in hex digits.
	Capabilities string `json:"capabilities,omitempty"`

	// Args are those that production gives it, as far as they are known before it
	// starts.
	Args []string `json:"args,omitempty"`

	GoVersion string `json:"goVersion"`

	// ImportPath of the main package, Module of the main module.
	ImportPath string `json:"importPath"`
	Module     string `json:"module,omitempty"`
	BuildID    string `json:"buildID,omitempty"`

	// Rebuilt is set where the program is not production's file, but compiled again.
	Rebuilt *Rebuilt `json:"rebuilt,omitempty"`
}

// Command is how the image's command leads to the program.
type Command struct {
	// Prefix are launchers ahead of the program that start the rest of their
	// arguments: ["/sbin/tini", "--"].
	Prefix []string

	// Detour says what stands between the command and the program where it is
	// not Prefix alone: "the script /entrypoint.sh". Empty otherwise.
	Detour string
}

// Symbols is the debug information of a production binary that has none itself.
type Symbols struct {
	// File is the path in the sidecar's image.
	File string `json:"file"`

	// BuildID is Go's build id of the production binary.
	BuildID string `json:"buildID"`

	// GNUBuildID is the GNU build id of the production binary in hex digits, or
	// NoGNUBuildID. Plans of earlier versions have none of both.
	GNUBuildID string `json:"gnuBuildID,omitempty"`

	// Sections has the SHA-256 of each section of the production binary that must
	// be the same in a process, or the symbols would lie.
	Sections map[string]string `json:"sections"`
}

// Test is a package whose tests are the program.
type Test struct {
	// Package is its import path.
	Package string `json:"package"`

	// Dir is its folder when it was compiled, in which its tests run.
	Dir string `json:"dir"`

	// InProduction says that production has testdata there itself, and so that it stays.
	InProduction bool `json:"inProduction,omitempty"`
}

// Data is the folder beside the package that its tests read.
func (t Test) Data() string { return path.Join(t.Dir, "testdata") }

// NoGNUBuildID says that a binary has no GNU build id, in the word of the linker's -B.
const NoGNUBuildID = "none"

// PathRule says what stands below a path that the debug information names.
type PathRule struct {
	// Path as the debugger shows it: absolute, or, for a program that was compiled
	// with -trimpath, the module's name; then empty for PathModCache.
	Path string `json:"path"`

	// Source is the folder of the sources where they are baked, if that is not Path.
	Source string `json:"source,omitempty"`

	// Kind is PathModule, PathModCache or PathGOROOT.
	Kind string `json:"kind"`

	// Module is set for PathModule.
	Module string `json:"module,omitempty"`
}

// The kinds of PathRule.
const (
	PathModule   = "module"
	PathModCache = "modcache"
	PathGOROOT   = "goroot"
)

// LeftOut is a file that was compiled and is not among the baked sources, since it
// lies where secrets do. A debugger's client finds it in the checkout.
type LeftOut struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Folder is a folder of the production image, with what it must keep.
type Folder struct {
	Path string `json:"path"`

	// Mode has the twelve bits of chmod(2).
	Mode uint32 `json:"mode"`
	UID  int    `json:"uid"`
	GID  int    `json:"gid"`

	// Modified is when, in nanoseconds since 1970. It is no part of the plan that an
	// image holds: two builds of one commit give the same.
	Modified int64 `json:"-"`
}

// Production is how the production image starts, and its name where that is known. Where
// tests are the program, it is how these start without a debugger.
type Production struct {
	Reference  string   `json:"reference,omitempty"`
	Digest     string   `json:"digest,omitempty"`
	Entrypoint []string `json:"entrypoint"`
	Cmd        []string `json:"cmd"`
}

// Plan is what a debug image will be. It is baked into the image at layout.Plan.
type Plan struct {
	Format     int        `json:"format"` // planfile.Format
	Version    string     `json:"version"`
	Request    Request    `json:"request"`
	Platform   string     `json:"platform"`
	Production Production `json:"production"`
	Program    Program    `json:"program"`
	Symbols    *Symbols   `json:"symbols,omitempty"`
	Test       *Test      `json:"test,omitempty"`

	// Delve is the version of the debugger, Debugger its command line up to the
	// command that starts a program or attaches to one.
	Delve    string   `json:"delve"`
	Debugger []string `json:"debugger"`

	// Prefix are the launchers of production's command that stay in front.
	Prefix []string `json:"prefix,omitempty"`

	// Entrypoint and Command are those of the debug image.
	Entrypoint []string `json:"entrypoint"`
	Command    []string `json:"command"`

	Paths []PathRule `json:"paths"`

	// Sources are folders and files with baked sources that are below none of Paths: of a
	// workspace, and of modules that others are replaced by.
	Sources []string  `json:"sources,omitempty"`
	Folders []Folder  `json:"folders,omitempty"`
	LeftOut []LeftOut `json:"leftOut,omitempty"`

	// Layers are those that are added to production's, in their order.
	Layers []Layer `json:"layers"`

	// Config is the debug image's config.
	Config *dockerspec.DockerOCIImage `json:"config"`
}

// New makes the plan of a debug image, or says why there can be none.
func New(in Input) (*Plan, error) {
	if img := in.Config; !delve.Ships(img.OS, img.Architecture) {
		return nil, fmt.Errorf("the image is for %s, and dlvgen has a debugger for %s", in.Platform, delve.Shipped)
	}
	version, err := delve.Choose(in.Program.GoVersion, in.Request.Delve)
	if err == nil {
		err = delve.CheckArch(version, in.Program.GoVersion, in.Config.Architecture)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.Program.Path, err)
	}
	p := &Plan{
		Format:     planfile.Format,
		Version:    in.Version,
		Request:    in.Request,
		Platform:   in.Platform,
		Production: Production{in.Reference, in.Digest, in.Config.Config.Entrypoint, in.Config.Config.Cmd},
		Program:    in.Program,
		Symbols:    in.Symbols,
		Test:       in.Test,
		Delve:      version,
		Paths:      in.Paths,
		Folders:    in.Folders,
	}
	p.Request.Listen = in.Request.Address()
	if err := p.start(in.Command, in.NoLinks); err != nil {
		return nil, err
	}
	if p.Request.Variant.Sources == SourcesBaked {
		p.LeftOut, p.Sources = in.LeftOut, in.Sources
	}
	p.addLayers()
	p.Config, err = debugConfig(in, p)
	return p, err
}

// start decides what the image starts.
func (p *Plan) start(c Command, noLinks bool) error {
	launch := delve.Launch{
		Delve:     p.Delve,
		Listen:    p.Request.Listen,
		Continue:  p.Request.Start == StartContinue,
		Extra:     p.Request.DelveArgs,
		GoVersion: p.Program.GoVersion,
		Program:   p.Program.Path,
		Args:      p.Program.Args,
	}
	p.Debugger = launch.Debugger(layout.Delve)
	p.Entrypoint, p.Command = p.Production.Entrypoint, p.Production.Cmd
	switch {
	case p.Request.Variant.Kind == KindSidecar:
		p.Request.Entry = ""
		p.Entrypoint, p.Command = []string{layout.Init}, nil
		return nil
	case p.Request.Variant.Kind == KindAttach:
		p.Request.Entry = ""
		return nil
	case p.Request.Variant.Kind == KindTest:
		// What is given in the place of the image's command are flags of the tests.
		p.Production.Entrypoint, p.Production.Cmd = []string{p.Program.Path}, p.Program.Args
		p.Entrypoint, p.Command = []string{layout.Init}, launch.Argv(layout.Delve)
		return nil
	case p.Request.Entry == EntryCmd && c.Detour != "":
		return fmt.Errorf("entry is %q, and the image's command starts %s through %s: remove --entry, or use %q",
			EntryCmd, p.Program.Path, c.Detour, EntryInplace)
	case p.Request.Entry == "" && c.Detour != "":
		p.Request.Entry = EntryInplace
	case p.Request.Entry == "":
		p.Request.Entry = EntryCmd
	}
	if p.Request.Entry == EntryInplace {
		p.Program.Real = path.Join(layout.Program, path.Base(p.Program.File))
		if noLinks {
			p.Program.Real = p.Moved()
		}
		return nil
	}
	p.Prefix = c.Prefix
	p.Entrypoint = slices.Concat(c.Prefix, []string{layout.Init})
	p.Command = launch.Argv(layout.Delve)
	return nil
}

// Moved is the file that the program is found in where a launcher stands in its
// place: in the same folder, since programs look for files beside their own.
func (p *Plan) Moved() string {
	return path.Join(path.Dir(p.Program.File), "."+path.Base(p.Program.File)+".dlvgen")
}

// Replaces tells whether a program that was compiled again stands at production's own
// path. Behind a launcher it stands where the launcher looks for it.
func (p *Plan) Replaces() bool {
	return p.Program.Rebuilt != nil && p.Request.Entry != EntryInplace && p.Request.Variant.Kind != KindSidecar
}

// JSON is the plan as it is baked, printed and compared: indented, with a newline
// at its end.
func (p *Plan) JSON() ([]byte, error) {
	dt, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the plan: %w", err)
	}
	return append(dt, '\n'), nil
}

// ParsePlan reads what [Plan.JSON] writes, but for what the layers are made of. The error
// for a plan of a later format says which dlvgen to use.
func ParsePlan(dt []byte) (*Plan, error) {
	p := &Plan{}
	if err := planfile.Decode(dt, p); err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	return p, nil
}
