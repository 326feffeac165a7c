// Package symbols exports the debug information and the sources of production binaries, as
// sidecars carry them, for debuggers that look for it by build id. Images and archives may
// be anybody's: no name in them leads out of the folder that is written, and nothing is
// larger than a program is.
package symbols

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/dlvgen/dlvgen/internal/visible"
	"github.com/dlvgen/dlvgen/variants"
)

// About says of which production binary something is.
type About struct {
	Platform string `json:"platform"`

	// GNU is the GNU build id in hex digits, empty where the binary has none, or none that
	// its symbols can be found by. Go is Go's own.
	GNU string `json:"gnuBuildID,omitempty"`
	Go  string `json:"goBuildID"`

	// Program is the binary's path in the production image.
	Program   string `json:"program"`
	Package   string `json:"package,omitempty"`
	GoVersion string `json:"goVersion,omitempty"`

	// Roots are the folders below which the debug information names sources that are there:
	// absolute, or a module's path where the program was compiled with -trimpath. The one of
	// dependencies is then empty.
	Roots []string `json:"sourceRoots,omitempty"`
}

// Build is the symbols of one production binary, with its files in a folder.
type Build struct {
	About

	// Size is that of the debug information.
	Size int64

	// Sources are the names of the sources, sorted, by the path that the debug information
	// has, without a slash at its begin.
	Sources []string

	dir      string
	modified time.Time // of the debug information, in the image
}

// The names of a build's files in its folder.
const (
	debugFile  = "debug"
	sourcesDir = "src"
)

var (
	gnuID = regexp.MustCompile(`^([0-9a-f]{2}){2,64}$`)
	goID  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}(/[A-Za-z0-9_-]{1,100}){1,3}$`)
)

// maxName is more than the path of a source has.
const maxName = 4096

// check says what is wrong with what somebody else wrote.
func (a About) check() error {
	for what, text := range map[string]string{"platform": a.Platform, "program": a.Program, "package": a.Package, "Go version": a.GoVersion} {
		if !visible.Text(text) || len(text) > maxName {
			return fmt.Errorf("its %s is %.100q", what, text)
		}
	}
	switch base := path.Base(a.Program); {
	case a.GNU != "" && !gnuID.MatchString(a.GNU):
		return fmt.Errorf("its GNU build id is %.100q", a.GNU)
	case !goID.MatchString(a.Go):
		return fmt.Errorf("its Go build id is %.100q", a.Go)
	case !path.IsAbs(a.Program) || checkName(base) != nil || len(base) > 200:
		return fmt.Errorf("its program is %.100q", a.Program)
	}
	for _, root := range a.Roots {
		if root != "" && checkName(strings.TrimPrefix(root, "/")) != nil {
			return fmt.Errorf("one of its folders of sources is %.100q", root)
		}
	}
	return nil
}

// checkName says whether a path with slashes names something in a folder, on every system
// that dlvgen runs on.
func checkName(name string) error {
	local, err := filepath.Localize(name)
	if err != nil || name == "." || !fs.ValidPath(name) || !filepath.IsLocal(local) || !visible.Text(name) || len(name) > maxName {
		return fmt.Errorf("it has a file named %.200q", name)
	}
	return nil
}

// checkSource is checkName for a source, which shares an archive with other files.
func checkSource(name string) error {
	switch first, _, _ := strings.Cut(name, "/"); first {
	case debugDir, goDir, aboutDir:
		return fmt.Errorf("it has a source named %.200q", name)
	}
	return checkName(name)
}

// The folders of an exported tree beside that of the sources, and that of an archive.
const (
	debugDir = ".build-id" // as gdb, Delve and debuginfod look it up
	goDir    = "go-id"     // without "build-id", see DebugName
	aboutDir = ".dlvgen"
)

// Key names the build: its GNU build id, or Go's, of which only the action and the content
// count.
func (a About) Key() string {
	if a.GNU != "" {
		return a.GNU
	}
	parts := strings.Split(a.Go, "/")
	return parts[0] + "." + parts[len(parts)-1]
}

// DebugName is the file of the debug information in an exported tree, with slashes. Without
// a GNU build id only Delve finds it, by the name of the program, in folders whose path has
// no "build-id" in it (openSeparateDebugInfo in pkg/proc/bininfo.go).
func (a About) DebugName() string {
	if a.GNU != "" {
		return path.Join(debugDir, a.GNU[:2], a.GNU[2:]+".debug")
	}
	return path.Join(goDir, a.Key(), path.Base(a.Program)+".debug")
}

// SourcesName is the folder of the sources in an exported tree.
func (a About) SourcesName() string { return path.Join(sourcesDir, a.Key()) }

// AboutName is the file that has the About in an exported tree.
func (a About) AboutName() string { return strings.TrimSuffix(a.DebugName(), ".debug") + ".json" }

// ErrNoSymbols says that an image is no sidecar.
var ErrNoSymbols = errors.New("it has no symbols of its production program: only a sidecar has them")

// AboutPlan is what the plan of a sidecar says. The GNU build id is empty, and unknown, for a
// sidecar that an earlier dlvgen derived. The error is [ErrNoSymbols], or says what is wrong
// with the plan.
func AboutPlan(p *variants.Plan) (a About, unknown bool, err error) {
	if p.Symbols == nil {
		return a, false, ErrNoSymbols
	}
	a = About{
		Platform: p.Platform, GNU: p.Symbols.GNUBuildID, Go: p.Symbols.BuildID,
		Program: p.Program.File, Package: p.Program.ImportPath, GoVersion: p.Program.GoVersion,
	}
	unknown = a.GNU == ""
	if a.GNU == variants.NoGNUBuildID {
		a.GNU = ""
	}
	return a, unknown, a.check()
}

// The annotations of an archive in a registry.
const (
	annotationPlatform  = "io.github.dlvgen.symbols.platform"
	annotationGNU       = "io.github.dlvgen.symbols.gnu-build-id"
	annotationGo        = "io.github.dlvgen.symbols.go-build-id"
	annotationProgram   = "io.github.dlvgen.symbols.program"
	annotationPackage   = "io.github.dlvgen.symbols.package"
	annotationGoVersion = "io.github.dlvgen.symbols.go-version"
)

func (a *About) annotated() map[string]*string {
	return map[string]*string{
		annotationPlatform: &a.Platform, annotationGNU: &a.GNU, annotationGo: &a.Go,
		annotationProgram: &a.Program, annotationPackage: &a.Package, annotationGoVersion: &a.GoVersion,
	}
}

// Annotations say what it is about where the archive is in a registry.
func (a About) Annotations() map[string]string {
	all := map[string]string{}
	for key, value := range a.annotated() {
		if *value != "" {
			all[key] = *value
		}
	}
	return all
}

// ParseAnnotations reads what [About.Annotations] says. The roots are in the archive only.
func ParseAnnotations(all map[string]string) (a About, err error) {
	for key, value := range a.annotated() {
		*value = all[key]
	}
	return a, a.check()
}
