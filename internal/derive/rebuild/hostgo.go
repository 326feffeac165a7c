package rebuild

import (
	"context"
	"errors"
	"fmt"
	"go/version"
	"maps"
	"path"
	"slices"

	"github.com/dlvgen/dlvgen/internal/derive/refuse"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client/llb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// HostGo returns a version of Go, "go1.26.8", for a platform from the machine that the command
// runs on.
type HostGo func(ctx context.Context, version string, on ocispecs.Platform) (*HostToolchain, error)

// HostToolchain is a Go toolchain of another machine than the builder.
type HostToolchain struct {
	// Files have the folder Root, a GOROOT as that machine or the Go module proxy has it, and
	// the file Certificates, of certificate authorities.
	Files              llb.State
	Root, Certificates string

	// Env is for the go command.
	Env map[string]string
}

// fromHost tells whether the toolchain is to come from the machine that the command runs on.
func (m ReadyMade) fromHost() bool { return m.Request.RebuildImage == variants.RebuildHost }

// hostVersion is the version of Go that compiles the program, without an image. The error says
// why there is none.
func (m ReadyMade) hostVersion() (string, error) {
	p := m.Program
	asked := m.imageFlag() + " " + variants.RebuildHost
	if m.HostGo == nil {
		return "", fmt.Errorf("%s takes the Go of the machine that the dlvgen command runs on, and this build came without it: use that command, or name an image with Go", asked)
	}
	if llbgen.UsesCgo(p.Facts.Info) {
		return "", fmt.Errorf("%s was compiled with cgo (CGO_ENABLED=1), and %s brings no C compiler: name an image with Go and a C compiler with %s", p, asked, m.imageFlag())
	}
	tags := llbgen.GolangTags(p.Facts.GoVersion)
	if len(tags) == 0 || !version.IsValid("go"+tags[0]) {
		return "", fmt.Errorf("%s was compiled with %q, which is no released version of Go: name an image that has it with %s", p, p.Facts.GoVersion, m.imageFlag())
	}
	return "go" + tags[0], nil
}

// hostBase is a file system that has the toolchain, and what the go command needs beside it.
func (p *Plan) hostBase(ctx context.Context) (base, error) {
	b := base{platform: p.context.client.BuildPlatforms[0]}
	goVersion, err := p.hostVersion()
	if err != nil {
		return b, &refuse.Error{Cause: err}
	}
	if p.Request.Variant.Kind == variants.KindSidecar && p.from.kind != variants.RebuildModule && llbgen.Setting(p.compile.Info, "vcs.revision") != "" {
		return b, &refuse.Error{Cause: fmt.Errorf("%s has its commit in it, as a sidecar's symbols must, and %s %s brings no git, which the go command asks for that: name an image with Go and git with %s",
			p.Program, p.imageFlag(), variants.RebuildHost, p.imageFlag())}
	}
	if b.platform.OS != "linux" {
		return b, errors.New("the builder does not run on Linux")
	}
	t, err := p.HostGo(ctx, goVersion, b.platform)
	if err != nil {
		return b, fmt.Errorf("compiling %s with %s %s: %w; or name an image with Go", p.Program, p.imageFlag(), variants.RebuildHost, err)
	}
	b.name, b.state = goVersion+" of this machine", t.state(goVersion)
	return b, nil
}

// Places in the file system of a toolchain: those of the golang image.
const (
	goroot = "/usr/local/go"

	// bundle is where Go looks for certificate authorities first.
	bundle = "/etc/ssl/certs/ca-certificates.crt"
)

// state is the file system. The module cache keeps no modes, and calls the go.mod of the standard
// library another name: the go command mends both when it starts a toolchain
// (cmd/go/internal/toolchain/select.go).
func (t *HostToolchain) state(goVersion string) llb.State {
	whole := &llb.CopyInfo{CopyDirContentsOnly: true, CreateDestPath: true}
	programs := &llb.CopyInfo{CopyDirContentsOnly: true, CreateDestPath: true, Mode: &llb.ChmodOpt{Mode: 0o755}}
	maybe := &llb.CopyInfo{AllowWildcard: true, AllowEmptyWildcard: true}
	of := func(name string) string { return path.Join(t.Root, name) }
	at := func(name string) string { return path.Join(goroot, name) }
	files := llb.Mkdir("/tmp", 0o777).
		Mkdir("/etc", 0o755).
		// BuildKit v0.8 knows no user without.
		Mkfile("/etc/passwd", 0o644, []byte("root:x:0:0:root:/root:\n")).
		Mkfile("/etc/group", 0o644, []byte("root:x:0:\n")).
		Mkdir(path.Dir(bundle), 0o755, llb.WithParents(true)).
		Copy(t.Files, t.Certificates, bundle).
		Copy(t.Files, of("bin"), at("bin"), programs).
		Copy(t.Files, of("pkg/tool"), at("pkg/tool"), programs).
		Copy(t.Files, of("pkg/include"), at("pkg/include"), whole).
		Copy(t.Files, of("lib"), at("lib"), whole).
		Copy(t.Files, of("src"), at("src"), whole).
		Copy(t.Files, of("src/_go.mod*"), at("src/go.mod"), maybe).
		Copy(t.Files, of("VERSION"), at("VERSION")).
		Copy(t.Files, of("go.env*"), at("go.env"), maybe)
	st := llb.Scratch().File(files, llb.WithCustomName("[dlvgen] copy "+goVersion+" of the machine that dlvgen runs on"))
	env := map[string]string{
		"PATH":   "/go/bin:" + at("bin") + ":/usr/bin:/bin",
		"GOPATH": "/go", "HOME": "/root", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0",
	}
	maps.Copy(env, t.Env)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		st = st.AddEnv(name, env[name])
	}
	return st.Dir("/")
}
