package llbgen

import (
	"go/version"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
)

// Ahead compiles in an image what that image would compile by `go run` when it starts. The
// step is an ordinary one: Instrument gives it the stand-ins, as any other.
type Ahead struct {
	// Flags and Packages are those of go run.
	Flags, Packages []string

	// Go is the version of the image's go command, "go1.26.8", "" where that is not known.
	Go string

	// Image is the image's root file system, Env, Dir and User are how it starts.
	Image     llb.State
	Env       []string
	Dir, User string

	// Run are options of the step: network, proxies, cache.
	Run []llb.RunOption
}

// aheadOutput is where the step leaves the program.
const aheadOutput = rebuildFolder + "/program"

// State has the program at output.
func (a Ahead) State() (st llb.State, output string) {
	dir := path.Join("/", a.Dir)
	st = a.Image.File(llb.Mkdir(rebuildFolder, 0o777), llb.WithCustomName("[dlvgen] prepare the compile of what the image compiles when it starts")).Dir(dir)
	for _, e := range a.Env {
		name, value, _ := strings.Cut(e, "=")
		st = st.AddEnv(name, value)
	}
	if a.User != "" {
		st = st.User(a.User)
	}
	opts := append([]llb.RunOption{
		llb.Args(a.Command()),
		llb.WithCustomName("[dlvgen] compile what the image compiles when it starts: " + strings.Join(a.Command(), " ")),
	}, a.Run...)
	return st.Run(opts...).Root(), aheadOutput
}

// Command is the go command of State. As go run does, it stamps no revision.
func (a Ahead) Command() []string {
	args := []string{"go", "build"}
	if a.Go == "" || version.Compare(a.Go, "go1.18") >= 0 {
		args = append(args, "-buildvcs=false")
	}
	return slices.Concat(args, a.Flags, []string{"-o", aheadOutput}, a.Packages)
}

// RunName is the name that go run gives to the program of a package, which it was given
// as a pattern or as files (runRun in cmd/go/internal/run).
func RunName(packages []string, importPath string) string {
	if strings.HasSuffix(packages[0], ".go") {
		return strings.TrimSuffix(path.Base(packages[0]), ".go")
	}
	return executable(importPath)
}
