package rebuild

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerui"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// golang is the image with Go, and the named context that replaces it.
const golang = "golang"

// base is an image with Go, and the platform on which it compiles.
type base struct {
	name     string
	state    llb.State
	platform ocispecs.Platform
}

// golangNames are the images that a program may be compiled in, the first choice first:
// the one that was asked for, or the golang image of the program's Go, at least of its
// minor version. That image has a C compiler, for programs with cgo.
func (m ReadyMade) golangNames() ([]string, error) {
	p := m.Program
	if m.fromHost() {
		goVersion, err := m.hostVersion()
		return []string{goVersion + " of this machine"}, err
	}
	if image := m.Request.RebuildImage; image != "" {
		return []string{image}, nil
	}
	if strings.Contains(p.Facts.Interpreter, "musl") {
		return nil, fmt.Errorf("%s is linked for %s, and the golang image has another C library: name an image with Go, a C compiler and musl with %s", p, loader(p.Facts.Interpreter), m.imageFlag())
	}
	var names []string
	for _, tag := range llbgen.GolangTags(p.Facts.GoVersion) {
		names = append(names, golang+":"+tag)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s was compiled with %s, which no golang image has: name an image with %s", p, p.Facts.GoVersion, m.imageFlag())
	}
	return names, nil
}

// base resolves the image. Without C, Go compiles for any platform on the builder's own.
func (p *Plan) base(ctx context.Context) (base, error) {
	if p.fromHost() {
		return p.hostBase(ctx)
	}
	bc := p.context.client
	b := base{platform: bc.BuildPlatforms[0]}
	if llbgen.UsesCgo(p.compile.Info) {
		b.platform = platforms.Normalize(p.Image.Platform)
	}
	replaced := p.images
	if p.Request.RebuildImage == "" {
		replaced = append(slices.Clone(replaced), golang)
	}
	for _, name := range replaced {
		nc, err := bc.NamedContext(name, dockerui.ContextOpt{Platform: &b.platform, ResolveMode: bc.ImageResolveMode.String()})
		if err != nil {
			return b, err
		}
		if nc == nil {
			continue
		}
		st, _, err := nc.Load(ctx)
		if err != nil {
			return b, fmt.Errorf("loading the named context %s, to rebuild %s in it: %w", name, p.Program, err)
		}
		b.name, b.state = "the named context "+name, *st
		return b, nil
	}
	var failed error
	for _, name := range p.images {
		var err error
		if b.state, err = p.resolve(ctx, name, b.platform); err == nil {
			b.name = name
			return b, nil
		}
		failed = errors.Join(failed, err)
	}
	advice := "name one with " + p.imageFlag()
	if p.Published != nil && !llbgen.UsesCgo(p.compile.Info) {
		advice += ", or take this machine's Go with " + p.imageFlag() + " " + variants.RebuildHost
	}
	return b, fmt.Errorf("no image to rebuild %s in: %s; %s", p.Program, strings.ReplaceAll(failed.Error(), "\n", "; "), advice)
}

// resolve is the image of that name, with its environment.
func (p *Plan) resolve(ctx context.Context, name string, on ocispecs.Platform) (llb.State, error) {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return llb.State{}, fmt.Errorf("reading the reference %q: %w", name, err)
	}
	ref, _, config, err := p.Client.ResolveImageConfig(ctx, reference.TagNameOnly(named).String(), sourceresolver.Opt{
		LogName:  "[dlvgen] load metadata for " + name,
		ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &on, ResolveMode: p.context.client.ImageResolveMode.String()},
	})
	if err != nil {
		return llb.State{}, fmt.Errorf("resolving %s: %w", name, err)
	}
	return llb.Image(ref, llb.Platform(on), llb.WithCustomName("[dlvgen] FROM "+name)).WithImageConfig(config)
}
