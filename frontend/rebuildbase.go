package frontend

import (
	"context"
	"errors"
	"fmt"
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

// rebuildBase is an image with Go, and the platform on which it compiles.
type rebuildBase struct {
	name     string
	state    llb.State
	platform ocispecs.Platform
}

// golangNames are the images that a program may be compiled in, the first choice first:
// the one that was asked for, or the golang image of the program's Go, at least of its
// minor version. That image has a C compiler, for programs with cgo.
func golangNames(r variants.Request, p *program) ([]string, error) {
	if r.RebuildImage != "" {
		return []string{r.RebuildImage}, nil
	}
	if strings.Contains(p.facts.Interpreter, "musl") {
		return nil, fmt.Errorf("%s is linked for %s, and the golang image has another C library: name an image with Go, a C compiler and musl with --rebuild-image", p, loader(p.facts.Interpreter))
	}
	var names []string
	for _, tag := range llbgen.GolangTags(p.facts.GoVersion) {
		names = append(names, golang+":"+tag)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s was compiled with %s, which no golang image has: name an image with --rebuild-image", p, p.facts.GoVersion)
	}
	return names, nil
}

// rebuildBase resolves the image. Without C, Go compiles for any platform on the
// builder's own.
func (d *derivation) rebuildBase(ctx context.Context, bc *dockerui.Client) (rebuildBase, error) {
	base := rebuildBase{platform: bc.BuildPlatforms[0]}
	if llbgen.UsesCgo(d.program.facts.Info) {
		base.platform = platforms.Normalize(d.image.Platform)
	}
	names, err := golangNames(d.request, d.program)
	if err != nil {
		return base, err
	}
	replaced := names
	if d.request.RebuildImage == "" {
		replaced = append(replaced, golang)
	}
	for _, name := range replaced {
		nc, err := bc.NamedContext(name, dockerui.ContextOpt{Platform: &base.platform, ResolveMode: bc.ImageResolveMode.String()})
		if err != nil {
			return base, err
		}
		if nc == nil {
			continue
		}
		st, _, err := nc.Load(ctx)
		if err != nil {
			return base, fmt.Errorf("loading the named context %s, to rebuild %s in it: %w", name, d.program, err)
		}
		base.name, base.state = "the named context "+name, *st
		return base, nil
	}
	var failed error
	for _, name := range names {
		if base.state, err = d.resolve(ctx, bc, name, base.platform); err == nil {
			base.name = name
			return base, nil
		}
		failed = errors.Join(failed, err)
	}
	return base, fmt.Errorf("no image to rebuild %s in: %s; name one with --rebuild-image", d.program, strings.ReplaceAll(failed.Error(), "\n", "; "))
}

// resolve is the image of that name, with its environment.
func (d *derivation) resolve(ctx context.Context, bc *dockerui.Client, name string, p ocispecs.Platform) (llb.State, error) {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return llb.State{}, fmt.Errorf("reading the reference %q: %w", name, err)
	}
	ref, _, config, err := d.client.ResolveImageConfig(ctx, reference.TagNameOnly(named).String(), sourceresolver.Opt{
		LogName:  "[dlvgen] load metadata for " + name,
		ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &p, ResolveMode: bc.ImageResolveMode.String()},
	})
	if err != nil {
		return llb.State{}, fmt.Errorf("resolving %s: %w", name, err)
	}
	return llb.Image(ref, llb.Platform(p), llb.WithCustomName("[dlvgen] FROM "+name)).WithImageConfig(config)
}
