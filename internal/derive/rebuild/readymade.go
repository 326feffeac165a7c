package rebuild

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive/find"
	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/internal/derive/refuse"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/frontend/gateway/client"
)

// ReadyMade is a Go program of an image that no step of production compiles.
type ReadyMade struct {
	Client  client.Client
	Request variants.Request
	Image   production.Image
	Source  string // of the image, as messages call it
	Program *find.Program

	// Published is the source where that is an image alone, nil where steps make it.
	Published *production.Published

	// HostGo is nil where the machine of the command is out of reach.
	HostGo HostGo

	// Comes says how the program comes into the image.
	Comes func(context.Context) (string, error)
}

// Plan is how a program is compiled again, as far as its build information and the build
// context say.
type Plan struct {
	ReadyMade

	// Record is what the image will say of it. Its image is the one that was used, or
	// those that would be tried.
	Record variants.Rebuilt

	compile llbgen.Rebuild
	context *buildContext
	from    from
	images  []string
}

// Decide tells what becomes of the program. It is used as it is where that can be done, and
// the plan is nil then; else it is compiled again, where that was asked for, or refused.
func (m ReadyMade) Decide(ctx context.Context) (*Plan, error) {
	if m.Published != nil {
		return m.published(ctx)
	}
	sidecar := m.Request.Variant.Kind == variants.KindSidecar
	cause := m.Program.Debuggable(m.Request)
	switch {
	case sidecar && !m.Request.Rebuild.On():
		return nil, refuse.UnknownSymbols(m.Source, m.Program.Path)
	case !sidecar && cause == nil && m.Request.Variant.Sources == variants.SourcesBaked:
		return nil, refuse.UnknownSources(m.Source, m.Program.Path)
	case !sidecar && cause == nil:
		return nil, nil
	}
	tree, err := readContext(ctx, m.Client)
	if err != nil {
		return nil, err
	}
	if m.Request.Rebuild.On() {
		return m.plan(tree)
	}
	comes, err := m.Comes(ctx)
	if err != nil {
		return nil, err
	}
	return nil, refuse.ReadyMade(m.Program.Role(m.Image.Config.Config), cause, comes, m.Program.What(), advice(m.Program.Facts.Info, tree))
}

// plan refuses a program that cannot be compiled again in the way that was asked for.
func (m ReadyMade) plan(tree *buildContext) (*Plan, error) {
	p, info := m.Program, m.Program.Facts.Info
	f, err := choose(m.Request.Rebuild, info, tree)
	if err != nil {
		return nil, refuse.NotRebuilt(p.Path, p.What(), err)
	}
	plan, err := m.planFrom(f, tree)
	if err == nil {
		plan.Record.Warnings = f.differences(info, tree)
	}
	return plan, err
}

// planFrom plans the compile from what was chosen.
func (m ReadyMade) planFrom(f from, tree *buildContext) (*Plan, error) {
	p, info := m.Program, m.Program.Facts.Info
	images, err := m.golangNames()
	if err != nil {
		return nil, &refuse.Error{Cause: err}
	}
	r := llbgen.Rebuild{Program: p.Path, Info: info, DWARF: p.Facts.DWARF, Symtab: p.Facts.Symtab}
	record := variants.Rebuilt{
		From: f.kind, Revision: llbgen.Setting(info, "vcs.revision"), Command: r.ContextCommand(),
		Image: strings.Join(images, " or "),
	}
	if f.kind == variants.RebuildModule {
		record.Version, record.Command = info.Main.Version, r.ModuleCommand()
	}
	return &Plan{compile: r, ReadyMade: m, Record: record, context: tree, from: f, images: images}, nil
}

// Place names what the program is compiled from.
func (p *Plan) Place() string { return p.from.place(p.compile.Info, p.context.name) }

// State compiles the program: a definition, the platform that it runs on, and the path of
// the program in it. It resolves the image with Go, and checks the module's sum.
func (p *Plan) State(ctx context.Context) (llb.State, llb.ConstraintsOpt, string, error) {
	b, err := p.base(ctx)
	if err != nil {
		return llb.State{}, nil, "", err
	}
	p.compile.Image, p.compile.Platform, p.compile.Run, p.Record.Image = b.state, b.platform, p.runOptions(), b.name
	on := llb.Platform(b.platform)
	if p.from.kind == variants.RebuildModule {
		if err := p.checkModule(ctx); err != nil {
			return llb.State{}, nil, "", err
		}
		st, output := p.compile.FromModule()
		return st, on, output, nil
	}
	source, err := p.context.files(ctx)
	if err != nil {
		return llb.State{}, nil, "", err
	}
	st, output := p.compile.FromContext(source, p.from.dir)
	return st, on, output, nil
}

// Compare refuses a program that could not start where production's did, and records what
// else differs.
func (p *Plan) Compare(again *find.Program) error {
	before, after := p.Program.Facts, again.Facts
	if before.Interpreter != after.Interpreter {
		return fmt.Errorf("%s was linked for %s, and compiled again in %s it is linked for %s: name an image with Go and the C library of production with %s",
			p.Program, loader(before.Interpreter), p.Record.Image, loader(after.Interpreter), p.imageFlag())
	}
	if before.GoVersion != after.GoVersion {
		p.Record.Warnings = append(p.Record.Warnings, fmt.Sprintf("production's was compiled with %s, and this one with %s", before.GoVersion, after.GoVersion))
	}
	if changed := changedModules(before.Info, after.Info); changed != "" {
		p.Record.Warnings = append(p.Record.Warnings, "its dependencies are not production's: "+changed)
	}
	return nil
}

// loader names a dynamic linker.
func loader(interpreter string) string {
	if interpreter == "" {
		return "no C library (static)"
	}
	return path.Base(interpreter)
}

// StepOptions are what the Dockerfile's own steps are run with.
func StepOptions(bc *dockerui.Client) []llb.RunOption {
	opts := []llb.RunOption{llb.Network(bc.NetworkMode)}
	for _, h := range bc.ExtraHosts {
		opts = append(opts, llb.AddExtraHost(h.Host, h.IP))
	}
	var proxy llb.ProxyEnv
	for name, field := range map[string]*string{
		"http_proxy": &proxy.HTTPProxy, "https_proxy": &proxy.HTTPSProxy, "ftp_proxy": &proxy.FTPProxy,
		"no_proxy": &proxy.NoProxy, "all_proxy": &proxy.AllProxy,
	} {
		for arg, value := range bc.BuildArgs {
			if strings.EqualFold(arg, name) {
				*field = value
			}
		}
	}
	if proxy != (llb.ProxyEnv{}) {
		opts = append(opts, llb.WithProxy(proxy))
	}
	if bc.IsNoCache("rebuild") {
		opts = append(opts, llb.IgnoreCache)
	}
	return opts
}

// Copied says of a program that it is copied from a file of the build context.
func Copied(from string) string { return "it is copied as a finished binary from " + from }
