package frontend

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/llbgen/llbtree"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/dlvgen/dlvgen/variants/delve"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// deriver turns a production into a variant, or explains that.
type deriver struct {
	client     *instrumenter
	production *production.Production
	request    variants.Request
	version    string
	reference  string // of production, where it is known
}

// debugImage is the one of a platform.
type debugImage struct {
	ref  client.Reference
	plan *variants.Plan

	// planJSON is the plan as the image holds it.
	planJSON []byte

	// made is what production's part comes from, definition the whole.
	made       *build
	definition *pb.Definition
}

// derive replaces every platform's image by its debug variant. The metadata that
// it does not speak of stays.
func (d *deriver) derive(ctx context.Context) error {
	var mu sync.Mutex
	eg, ctx := errgroup.WithContext(ctx)
	for _, img := range d.production.Images {
		eg.Go(func() error {
			v, err := d.deriveImage(ctx, img)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			return d.replace(img, v)
		})
	}
	return eg.Wait()
}

// deriveImage makes one platform's variant. Where the program turns out to be the work
// of steps that were assumed not to compile Go, it starts again with those instrumented.
func (d *deriver) deriveImage(ctx context.Context, img production.Image) (*debugImage, error) {
	made, err := d.client.build(ctx, img.Solve)
	for err == nil {
		var v *debugImage
		v, err = d.attempt(ctx, img, made)
		var missed *missedError
		if !errors.As(err, &missed) {
			return v, err
		}
		made, err = d.client.again(ctx, made, missed.suspects)
	}
	return nil, err
}

// attempt makes the variant from what was built.
func (d *deriver) attempt(ctx context.Context, img production.Image, made *build) (*debugImage, error) {
	captures, err := capturesOf(ctx, d.client, made)
	if err != nil {
		return nil, err
	}
	derived := derivation{deriver: d, image: img, made: made, captures: captures}
	plan, err := derived.decide(ctx)
	var missed *missedError
	switch {
	case errors.As(err, &missed):
		return nil, err
	case err != nil:
		return nil, derived.refused(ctx, captures, err)
	}
	return derived.assemble(ctx, plan)
}

// derivation is one image on its way to a variant.
type derivation struct {
	*deriver
	image   production.Image
	made    *build
	program *program // nil until it is found

	// captures are those of all steps, and of the steps that compiled the program
	// once that is found.
	captures []capture

	// rebuilt is set where the program was ready-made and compiled again.
	rebuilt *rebuilt

	// symbols is set for a sidecar.
	symbols *symbols
}

// decide finds the program, and plans the variant for it. Its errors are refusals.
func (d *derivation) decide(ctx context.Context) (*variants.Plan, error) {
	f := observed{root: rootFS{d.made.ref}, cfg: d.image.Config.Config, captures: d.captures, request: d.request, missed: d.missed}
	p, err := f.find(ctx)
	var atStart *atStartError
	if errors.As(err, &atStart) && d.request.Rebuild.On() {
		return d.ahead(ctx, atStart)
	}
	if err != nil {
		return nil, err
	}
	d.program = p
	if err := d.missed(p); err != nil {
		return nil, err
	}
	if p.facts == nil {
		return nil, notGo(p, d.image.Config.Config, f.compiles())
	}
	d.captures = makers(d.captures, p.facts)
	if err := d.inspect(ctx); err != nil {
		return nil, err
	}
	return d.plan(ctx)
}

// plan looks at what else the plan depends on, and makes it.
func (d *derivation) plan(ctx context.Context) (*variants.Plan, error) {
	p, facts, caps := d.program, d.program.facts, d.client.BuildOpts().LLBCaps
	in := variants.Input{
		Request:  d.request,
		Platform: platforms.FormatAll(d.image.Platform),
		Config:   d.image.Config,
		Base:     d.image.Base,
		Epoch:    d.image.Epoch,
		Program: variants.Program{
			Path:         p.path,
			File:         p.file,
			Mode:         unixMode(p.stat.Mode),
			UID:          int(p.stat.Uid),
			GID:          int(p.stat.Gid),
			Capabilities: hex.EncodeToString(p.stat.Xattrs["security.capability"]),
			Args:         p.args,
			GoVersion:    facts.GoVersion,
			ImportPath:   facts.Info.Path,
			Module:       facts.Info.Main.Path,
			BuildID:      facts.BuildID,
		},
		Command: p.command,
		NoLinks: caps.Supports(pb.CapFileSymlinkCreate) != nil,
		Paths:   pathsOf(d.captures),
		LeftOut: leftOutOf(d.captures),
		Version: d.version, Reference: d.reference,
	}
	if d.symbols != nil {
		in.Symbols = &d.symbols.Symbols
	}
	if d.rebuilt != nil {
		in.Program.Rebuilt = &d.rebuilt.record
	}
	if d.request.Variant.Sources == variants.SourcesBaked && len(d.captures) == 0 {
		return nil, unknownSources(p.path, d.production.Name)
	}
	if d.request.Variant.Kind == variants.KindSidecar {
		return variants.New(in)
	}
	var err error
	if in.Folders, err = d.folders(ctx); err != nil {
		return nil, err
	}
	return variants.New(in)
}

// folders are those of production that the sources go into. It fails where
// production has what the variant adds.
func (d *derivation) folders(ctx context.Context) ([]variants.Folder, error) {
	root := rootFS{d.made.ref}
	for _, ours := range []string{layout.Delve, layout.Dir} {
		if st, err := root.stat(ctx, ours); err != nil {
			return nil, err
		} else if st != nil {
			return nil, occupied(ours)
		}
	}
	var shared []variants.Folder
	launched := d.request.Variant.Kind == variants.KindRemote && (d.request.Entry == variants.EntryInplace || d.program.command.Detour != "")
	if launched || d.rebuilt != nil {
		above, err := foldersAbove(ctx, root, d.program.file)
		if err != nil {
			return nil, err
		}
		shared = above
	}
	if d.request.Variant.Sources != variants.SourcesBaked {
		return shared, nil
	}
	return sharedFolders(ctx, root, d.captures, shared)
}

// assemble solves the image that the plan describes.
func (d *derivation) assemble(ctx context.Context, plan *variants.Plan) (*debugImage, error) {
	dt, err := plan.JSON()
	if err != nil {
		return nil, err
	}
	op, err := llb.NewDefinitionOp(d.made.Definition)
	if err != nil {
		return nil, fmt.Errorf("reading the instrumented definition: %w", err)
	}
	parts := llbgen.Parts{
		Production: llb.NewState(op),
		Tools:      d.client.tools,
		Platform:   d.image.Platform,
		Builder:    d.builder(),
		Plan:       plan,
		PlanJSON:   dt,
		Files:      map[variants.Source]llbgen.File{},
	}
	for _, c := range d.captures {
		for _, user := range c.users {
			parts.Captures = append(parts.Captures, llbgen.File{State: c.state, Path: user})
		}
	}
	if d.rebuilt != nil {
		parts.Files[variants.FromRebuilt] = llbgen.File{State: d.rebuilt.state, Path: d.rebuilt.program.file}
	}
	if d.symbols != nil {
		parts.Files[variants.FromSymbols] = llbgen.File{State: d.symbols.capture.state, Path: d.symbols.path}
	}
	caps := d.client.BuildOpts().LLBCaps
	marshalled, err := llbgen.Assemble(parts, caps).Marshal(ctx, llb.Platform(d.image.Platform), llb.WithCaps(caps))
	if err != nil {
		return nil, fmt.Errorf("marshalling the debug image: %w", err)
	}
	def := marshalled.ToPB()
	res, err := d.client.Solve(ctx, client.SolveRequest{Definition: def, CacheImports: d.made.before.CacheImports})
	if err != nil {
		return nil, err
	}
	ref, err := res.SingleRef()
	return &debugImage{ref: ref, plan: plan, planJSON: dt, made: d.made, definition: def}, err
}

// builder is the platform on which the builder runs dlvgen's own steps: its first, or
// the image's where dlvgen has no tools for that.
func (d *derivation) builder() ocispecs.Platform {
	for _, w := range d.client.BuildOpts().Workers {
		if len(w.Platforms) > 0 && delve.Ships(w.Platforms[0].OS, w.Platforms[0].Architecture) {
			return platforms.Normalize(w.Platforms[0])
		}
	}
	return d.image.Platform
}

// replace puts a variant in the place of its production image.
func (d *deriver) replace(img production.Image, v *debugImage) error {
	res := d.production.Result
	config, err := json.Marshal(v.plan.Config)
	if err != nil {
		return fmt.Errorf("encoding the image config: %w", err)
	}
	res.AddMeta(exptypes.ExporterImageConfigKey+img.Suffix, config)
	res.AddMeta(MetaPlan+img.Suffix, v.planJSON)
	if d.request.PrintLLB {
		text, err := trees(v.made.before.Definition, v.plan.Request.Preset, v.definition)
		if err != nil {
			return err
		}
		res.AddMeta(MetaLLB+img.Suffix, text)
	}
	if img.Suffix == "" {
		res.SetRef(v.ref)
	} else {
		res.AddRef(strings.TrimPrefix(img.Suffix, "/"), v.ref)
	}
	return nil
}

// trees prints the production definition, and what became of it.
func trees(before *pb.Definition, name string, after *pb.Definition) ([]byte, error) {
	production, err := llbtree.Format(before)
	if err != nil {
		return nil, err
	}
	text, err := llbtree.Format(after)
	return []byte("production:\n" + production + "\n" + name + ":\n" + text), err
}
