package variants

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/dlvgen/dlvgen/internal/layout"
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

	// Paths are the roots of the source paths in the debug information.
	Paths []PathRule

	// Folders are those that both the sources and production have.
	Folders []Folder

	// Version is dlvgen's own.
	Version string
}

// Program is the Go program that the image starts.
type Program struct {
	// Path is absolute, and as production names it: a program may look at its own
	// name.
	Path string `json:"path"`

	// Args are those that production gives it.
	Args []string `json:"args,omitempty"`

	GoVersion string `json:"goVersion"`

	// ImportPath of the main package, Module of the main module.
	ImportPath string `json:"importPath"`
	Module     string `json:"module,omitempty"`
	BuildID    string `json:"buildID,omitempty"`
}

// PathRule says what stands below a path that the debug information names.
type PathRule struct {
	// Path in the builder, absolute, as the debugger shows it.
	Path string `json:"path"`

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

// Folder is a folder of the production image, with what it must keep.
type Folder struct {
	Path string `json:"path"`
	Mode uint32 `json:"mode"`
	UID  int    `json:"uid"`
	GID  int    `json:"gid"`
}

// Production is how the production image starts.
type Production struct {
	Entrypoint []string `json:"entrypoint"`
	Cmd        []string `json:"cmd"`
}

// Plan is what a debug image will be. It is baked into the image at layout.Plan.
type Plan struct {
	Version    string     `json:"version"`
	Request    Request    `json:"request"`
	Platform   string     `json:"platform"`
	Production Production `json:"production"`
	Program    Program    `json:"program"`

	// Delve is the version of the debugger.
	Delve string `json:"delve"`

	// Entrypoint and Command are those of the debug image.
	Entrypoint []string `json:"entrypoint"`
	Command    []string `json:"command"`

	Paths   []PathRule `json:"paths"`
	Folders []Folder   `json:"folders,omitempty"`

	// Layers are those that are added to production's, in their order.
	Layers []Layer `json:"layers"`

	// Config is the debug image's config.
	Config *dockerspec.DockerOCIImage `json:"config"`
}

// Layer is one layer that dlvgen adds.
type Layer struct {
	Files       string `json:"files"`
	Description string `json:"description"`
}

// New makes the plan of a debug image, or says why there can be none.
func New(in Input) (*Plan, error) {
	if err := in.Request.Validate(); err != nil {
		return nil, err
	}
	if img := in.Config; !delve.Ships(img.OS, img.Architecture) {
		return nil, fmt.Errorf("the image is for %s, and dlvgen has a debugger for %s", in.Platform, delve.Shipped)
	}
	version, err := delve.For(in.Program.GoVersion)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.Program.Path, err)
	}
	p := &Plan{
		Version:    in.Version,
		Request:    in.Request,
		Platform:   in.Platform,
		Production: Production{Entrypoint: in.Config.Config.Entrypoint, Cmd: in.Config.Config.Cmd},
		Program:    in.Program,
		Delve:      version,
		Entrypoint: []string{layout.Init},
		Paths:      in.Paths,
		Folders:    in.Folders,
	}
	p.Command = delve.Launch{
		Listen:    in.Request.Listen,
		Continue:  in.Request.Start == StartContinue,
		GoVersion: in.Program.GoVersion,
		Program:   in.Program.Path,
		Args:      in.Program.Args,
	}.Argv(layout.Delve)
	p.Layers = layersOf(p)
	p.Config, err = debugConfig(in, p)
	return p, err
}

// layersOf lists the layers of a plan in the order in which they are put on.
func layersOf(p *Plan) []Layer {
	layers := []Layer{
		{Files: layout.Delve, Description: "Delve " + p.Delve},
		{Files: layout.Dir, Description: "init and plan"},
	}
	if p.Request.Variant.Sources == SourcesBaked {
		layers = append(layers, Layer{Files: "the paths of the debug information", Description: "sources that were compiled"})
	}
	return layers
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
