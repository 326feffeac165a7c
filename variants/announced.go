package variants

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/layout"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

// Announcement says how a path of a debug image may differ from the production image's.
type Announcement string

// The announcements.
const (
	// Unannounced is a path that is as in production.
	Unannounced Announcement = ""
	// AnnouncedAdded is dlvgen's own: production need not have it.
	AnnouncedAdded Announcement = "added"
	// AnnouncedSource is a baked source, data of tests, or a folder that leads to some: production need
	// not have it, and where it does, only the time of a file differs.
	AnnouncedSource Announcement = "source"
	// AnnouncedProgram is the program at production's own path: its content and its time
	// differ, and what it is otherwise does not.
	AnnouncedProgram Announcement = "program"
	// AnnouncedCache is a file of the go command's build cache, or of what it counts: a
	// step that compiles otherwise leaves others.
	AnnouncedCache Announcement = "cache"
	// AnnouncedModule is a file of the module cache, which may be missing: a step of a debug
	// image may have it elsewhere.
	AnnouncedModule Announcement = "module"
)

// Announces says what a plan announces of a path, which is absolute and clean. folder tells
// that it is one in the debug image, or in production's where that has it alone.
func (p *Plan) Announces(file string, folder bool) Announcement {
	switch {
	case within(file, layout.Delve), within(file, layout.Dir):
		return AnnouncedAdded
	case p.Request.Entry == EntryInplace && file == p.Moved():
		return AnnouncedAdded
	case p.Request.Variant.Kind != KindSidecar && file == p.Program.File:
		return AnnouncedProgram
	case p.IsTestdata(file, folder):
		return AnnouncedSource
	case p.isSource(file, folder):
		return AnnouncedSource
	case isCache(file):
		return AnnouncedCache
	case slices.ContainsFunc(p.Paths, func(r PathRule) bool { return r.Kind == PathModCache && inModCache(file, r.Root(), folder) }):
		return AnnouncedModule
	}
	return Unannounced
}

// IsTestdata tells whether a path can be data of the tests, or a folder above some.
func (p *Plan) IsTestdata(file string, folder bool) bool {
	return p.Test != nil && !p.Test.InProduction && (within(file, p.Test.Data()) || folder && within(p.Test.Dir, file))
}

// isSource tells whether a path can be a baked source, or a folder above one.
func (p *Plan) isSource(file string, folder bool) bool {
	if p.Request.Variant.Sources != SourcesBaked || !folder && !SourceName(file) {
		return false
	}
	roots := slices.Clone(p.Sources)
	for _, r := range p.Paths {
		if root := r.Root(); root != "" {
			roots = append(roots, root)
		}
	}
	return slices.ContainsFunc(roots, func(root string) bool { return within(file, root) || folder && within(root, file) })
}

// Root is the folder in an image where the sources of a rule are, empty where it has none.
func (r PathRule) Root() string {
	switch {
	case r.Source != "":
		return r.Source
	case path.IsAbs(r.Path):
		return r.Path
	}
	return ""
}

// cacheFile is what the go command names the files of its build cache.
var cacheFile = regexp.MustCompile(`^[0-9a-f]{2}(/[0-9a-f]{64}-[ad])?$|^fuzz$|^README$|^(trim|testexpire)\.txt$`)

// countFile is what the go command names the files in which it counts what it does
// (golang.org/x/telemetry/internal/telemetry/dir.go).
var countFile = regexp.MustCompile(`^(local|upload)(/[^/]+\.(count|json|token)|/weekends)?$|^debug$`)

// isCache tells whether a path is one that the go command leaves when it compiles.
func isCache(file string) bool {
	for folder, files := range map[string]*regexp.Regexp{"/go-build/": cacheFile, "/go/telemetry/": countFile} {
		if _, below, ok := strings.Cut(file+"/", folder); ok && (below == "" || files.MatchString(strings.TrimSuffix(below, "/"))) {
			return true
		}
	}
	return false
}

// inModCache tells whether a path is a file that the go command keeps in a module cache, or a
// folder of it. Whose the plan is may have named any folder as the cache.
func inModCache(file, root string, folder bool) bool {
	if root == "" || !within(file, root) {
		return false
	}
	below := strings.TrimPrefix(strings.TrimPrefix(file, strings.TrimSuffix(root, "/")), "/")
	return folder || strings.HasPrefix(below, "cache/") || strings.Contains(below, "@")
}

// within tells whether a path is a folder or lies below it.
func within(file, folder string) bool {
	return file == folder || strings.HasPrefix(file, strings.TrimSuffix(folder, "/")+"/")
}

// sourceEnds are the ends of the names of files that a Go package is compiled from
// (go/build), and of those that describe its module.
var sourceEnds = []string{
	".go", ".c", ".cc", ".cpp", ".cxx", ".m", ".h", ".hh", ".hpp", ".hxx", ".f", ".F", ".for", ".f90", ".s", ".S", ".sx", ".swig", ".swigcxx",
	"go.mod", "go.sum", "go.work", "go.work.sum", "vendor/modules.txt",
}

// SourceName tells whether a file is named as a source is, or as what describes modules.
func SourceName(file string) bool {
	return slices.ContainsFunc(sourceEnds, func(end string) bool { return strings.HasSuffix(file, end) })
}

// Announced are the layers of an image with this plan. A plan that was read has only their
// descriptions.
func (p *Plan) Announced() []Layer {
	again := *p
	again.Layers = nil
	again.addLayers()
	return again.Layers
}

// Items are what the plan's layers are made of, the captured sources and testdata aside.
func (p *Plan) Items() []Item {
	var items []Item
	for _, l := range p.Announced() {
		for _, i := range l.Items {
			if i.From != FromCaptures && i.From != FromTestdata {
				items = append(items, i)
			}
		}
	}
	return items
}

// ConfigOf is the config of a debug image with this plan of that production, but for when
// it was made.
func (p *Plan) ConfigOf(production *dockerspec.DockerOCIImage) (*dockerspec.DockerOCIImage, error) {
	again := *p
	again.Production.Entrypoint, again.Production.Cmd = production.Config.Entrypoint, production.Config.Cmd
	if err := again.start(Command{Prefix: p.Prefix}, p.Program.Real == p.Moved()); err != nil {
		return nil, err
	}
	again.Layers = p.Announced()
	return debugConfig(Input{Config: production, Request: p.Request}, &again)
}
