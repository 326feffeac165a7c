package llbgen

import (
	"path"
	"runtime/debug"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/gocall"
	"github.com/moby/buildkit/client/llb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Rebuild compiles a program again that was found ready-made, as its build information
// says. The step is an ordinary one: Instrument gives it the stand-ins, as any other.
type Rebuild struct {
	// Program is the program's path in the image.
	Program string

	// Info is its build information, which CheckRebuild has passed. DWARF and Symtab tell
	// whether the file has debug information and a symbol table.
	Info          *debug.BuildInfo
	DWARF, Symtab bool

	// Image has Go, and Platform is the one that it runs on.
	Image    llb.State
	Platform ocispecs.Platform

	// Run are options of the steps: network, proxies, cache.
	Run []llb.RunOption
}

// Places in the steps.
const (
	// rebuildSources is where the build context is copied to.
	rebuildSources = "/src"

	// rebuildFolder has what the steps leave: the program, and what was downloaded.
	rebuildFolder = "/rebuilt"

	// rebuildGopath is that of the golang image. go install puts programs below it.
	rebuildGopath = "/go"
)

// DownloadCache is the module cache that Download leaves.
const DownloadCache = rebuildFolder + "/mod"

// FromContext compiles the program's package in the folder dir of a build context, "."
// for its root. Output is where the program is then, which is all that is left.
func (r Rebuild) FromContext(source llb.State, dir string) (st llb.State, output string) {
	output = path.Join(rebuildFolder, path.Base(r.Program))
	all := &llb.CopyInfo{CopyDirContentsOnly: true, CreateDestPath: true}
	st = r.Image.
		File(llb.Copy(source, "/", rebuildSources, all), llb.WithCustomName("[dlvgen] copy the build context, to rebuild "+r.Program)).
		Dir(path.Join(rebuildSources, dir))
	return r.run(st, r.contextArgs(), output), output
}

// ContextCommand is the go command of FromContext, for people to read.
func (r Rebuild) ContextCommand() []string { return gocall.RedactArgs(r.contextArgs()) }

func (r Rebuild) contextArgs() []string {
	args := append([]string{"go", "build"}, r.flags()...)
	return append(args, "-o", path.Join(rebuildFolder, path.Base(r.Program)), r.Info.Path)
}

// FromModule compiles the program's package in its module at the version of the build
// information, whose sum the go command checks with the checksum database. The build
// information is then production's again, the version included.
func (r Rebuild) FromModule() (st llb.State, output string) {
	st = r.Image.Dir("/").AddEnv("GOPATH", rebuildGopath).AddEnv("GOBIN", "")
	dir := path.Join(rebuildGopath, "bin")
	if goos, goarch := Setting(r.Info, "GOOS"), Setting(r.Info, "GOARCH"); goos != r.Platform.OS || goarch != r.Platform.Architecture {
		dir = path.Join(dir, goos+"_"+goarch)
	}
	output = path.Join(dir, executable(r.Info.Path))
	return r.run(st, r.moduleArgs(), output), output
}

// ModuleCommand is the go command of FromModule, for people to read.
func (r Rebuild) ModuleCommand() []string { return gocall.RedactArgs(r.moduleArgs()) }

func (r Rebuild) moduleArgs() []string {
	args := append([]string{"go", "install"}, r.flags()...)
	return append(args, r.Info.Path+"@"+r.Info.Main.Version)
}

// Download fetches the program's module into DownloadCache. It needs no shell.
func (r Rebuild) Download() llb.State {
	module := r.Info.Main.Path + "@" + r.Info.Main.Version
	opts := append([]llb.RunOption{
		llb.Args([]string{"go", "mod", "download", module}),
		llb.WithCustomName("[dlvgen] download " + module),
	}, r.Run...)
	return r.Image.User("0").Dir("/").AddEnv("GOMODCACHE", DownloadCache).Run(opts...).Root()
}

// run adds the step that compiles, and leaves its output alone: what it downloads may
// stay in a cache then.
func (r Rebuild) run(st llb.State, args []string, output string) llb.State {
	st = st.User("0")
	for _, e := range r.env() {
		name, value, _ := strings.Cut(e, "=")
		st = st.AddEnv(name, value)
	}
	opts := append([]llb.RunOption{
		llb.Args(args),
		llb.WithCustomName("[dlvgen] rebuild " + r.Program + ": " + strings.Join(gocall.RedactArgs(args), " ")),
	}, r.Run...)
	program := llb.Copy(st.Run(opts...).Root(), output, output, &llb.CopyInfo{CreateDestPath: true})
	return llb.Scratch().File(program, llb.WithCustomName("[dlvgen] take the rebuilt "+output))
}

// executable is the name that go install gives to the program of a package
// (DefaultExecName in cmd/go/internal/load/pkg.go): the last element of its path, or the
// one before where that is a major version.
func executable(pkg string) string {
	name := path.Base(pkg)
	major := strings.TrimPrefix(name, "v")
	if major == name || major == "" || major == "1" || major[0] == '0' || strings.Trim(major, "0123456789") != "" || path.Dir(pkg) == "." {
		return name
	}
	return path.Base(path.Dir(pkg))
}
