// Package derive turns a production into a debug variant: it instruments what production
// is built from, finds the program in what was built, plans the variant and puts it
// together. It explains that without building, by the same procedures.
package derive

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/derive/find"
	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/internal/derive/rebuild"
	"github.com/dlvgen/dlvgen/internal/derive/refuse"
	"github.com/dlvgen/dlvgen/internal/derive/rootfs"
	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/dlvgen/dlvgen/variants/delve"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// Config says what is derived.
type Config struct {
	// Source has the production image.
	Source production.Source

	// Tools are those that the builder gets.
	Tools llbgen.Tools

	// HostGo has toolchains of the machine that the command runs on, nil for none.
	HostGo rebuild.HostGo

	Request variants.Request

	// Version is dlvgen's own, for labels and plans.
	Version string

	// Reference is the production image's, where it is known.
	Reference string
}

// Deriver turns a production into a variant, or explains that.
type Deriver struct {
	client     *instrumenter
	production *production.Production
	request    variants.Request
	hostGo     rebuild.HostGo
	version    string

	// reference and digest are the production image's, empty where they are not known.
	reference string
	digest    digest.Digest
}

// Load reads what the production is. c shows the options of production alone.
func Load(ctx context.Context, c client.Client, cfg Config) (*Deriver, error) {
	in := &instrumenter{Client: c, tools: cfg.Tools, request: cfg.Request, mode: modeOf(cfg.Request)}
	p, err := cfg.Source.Load(ctx, in)
	d := &Deriver{client: in, production: p, request: cfg.Request, hostGo: cfg.HostGo, version: cfg.Version, reference: cfg.Reference}
	if err == nil && p.Published != nil {
		d.reference, d.digest = p.Published.Named()
	}
	return d, err
}

// Result is production's, with what exporters are told of its images.
func (d *Deriver) Result() *client.Result { return d.production.Result }

// Image is the debug image of a platform.
type Image struct {
	Production production.Image
	Ref        client.Reference
	Plan       *variants.Plan

	// PlanJSON is the plan as the image holds it.
	PlanJSON []byte

	// Definition is the whole.
	Definition *pb.Definition

	// Scans are the results of Production.Scans, of this image.
	Scans []client.Reference

	from *derivation
}

// Derive makes the debug image of every platform of production.
func (d *Deriver) Derive(ctx context.Context) ([]*Image, error) {
	images := make([]*Image, len(d.production.Images))
	eg, ctx := errgroup.WithContext(ctx)
	for i, img := range d.production.Images {
		eg.Go(func() (err error) {
			images[i], err = d.deriveImage(ctx, img)
			return err
		})
	}
	return images, d.client.hinted(eg.Wait())
}

// deriveImage makes one platform's variant. Where the program turns out to be the work
// of steps that were assumed not to compile Go, it starts again with those instrumented.
func (d *Deriver) deriveImage(ctx context.Context, img production.Image) (*Image, error) {
	if err := d.warnEmulated(ctx, img); err != nil {
		return nil, err
	}
	made, err := d.client.build(ctx, img.Solve)
	for err == nil {
		var v *Image
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
func (d *Deriver) attempt(ctx context.Context, img production.Image, made *build) (*Image, error) {
	captures, err := capturesOf(ctx, d.client, made)
	if err != nil {
		return nil, err
	}
	derived := derivation{Deriver: d, image: img, made: made, captures: captures, recorded: captures}
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
	*Deriver
	image   production.Image
	made    *build
	program *find.Program // nil until it is found

	// captures are those of all steps, and of the steps that compiled the program
	// once that is found. recorded are those of all steps.
	captures, recorded []capture

	// sources are what those steps captured, where they are to be baked.
	sources []captured

	// rebuilt is set where the program was ready-made and compiled again.
	rebuilt *rebuilt

	// symbols is set for a sidecar, tested for tests in the place of the program.
	symbols *symbols
	tested  *tested
}

// decide finds the program, and plans the variant for it. Its errors are refusals.
func (d *derivation) decide(ctx context.Context) (*variants.Plan, error) {
	p, err := find.Find(ctx, d.observed(), d.image.Config.Config, d.request)
	var atStart *find.AtStartError
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
	if p.Facts == nil && d.production.Published != nil {
		return nil, refuse.NotGoPublished(p.Role(d.image.Config.Config), p.Unread, d.production.Name)
	}
	if p.Facts == nil {
		return nil, refuse.NotGo(p.Role(d.image.Config.Config), p.Unread, compiles(d.captures))
	}
	d.captures = makers(d.captures, p.Facts)
	if d.request.Test != "" {
		return d.test(ctx)
	}
	if err := d.inspect(ctx); err != nil {
		return nil, err
	}
	return d.plan(ctx)
}

// observed is what was built, as evidence.
func (d *derivation) observed() find.Observed {
	return find.Observed{
		Root: d.root(), Config: d.image.Config.Config,
		Compiles: compiles(d.captures),
		Made:     func(facts *gobin.Facts) bool { return len(makers(d.captures, facts)) > 0 },
		Missed:   d.missed,
	}
}

// root is the file system of what was built.
func (d *derivation) root() rootfs.FS { return rootfs.FS{Ref: d.made.ref} }

// plan looks at what else the plan depends on, and makes it.
func (d *derivation) plan(ctx context.Context) (*variants.Plan, error) {
	p, facts, caps := d.program, d.program.Facts, d.client.BuildOpts().LLBCaps
	in := variants.Input{
		Request:  d.request,
		Platform: platforms.FormatAll(d.image.Platform),
		Config:   d.image.Config,
		Base:     d.image.Base,
		Epoch:    d.image.Epoch,
		Program: variants.Program{
			Path:         p.Path,
			File:         p.File,
			Mode:         unixMode(p.Stat.Mode),
			UID:          int(p.Stat.Uid),
			GID:          int(p.Stat.Gid),
			Capabilities: hex.EncodeToString(p.Stat.Xattrs["security.capability"]),
			Args:         p.Args,
			GoVersion:    facts.GoVersion,
			ImportPath:   facts.Info.Path,
			Module:       facts.Info.Main.Path,
			BuildID:      facts.BuildID,
		},
		Command: p.Command,
		NoLinks: caps.Supports(pb.CapFileSymlinkCreate) != nil,
		Paths:   pathsOf(d.captures),
		LeftOut: leftOutOf(d.captures),
		Version: d.version, Reference: d.reference, Digest: d.digest.String(),
	}
	if d.symbols != nil {
		in.Symbols = &d.symbols.Symbols
	}
	if d.tested != nil {
		in.Test = &d.tested.Test
	}
	if d.rebuilt != nil {
		in.Program.Rebuilt = &d.rebuilt.record
	}
	var err error
	if d.request.Variant.Sources == variants.SourcesBaked {
		if d.sources, err = sourcesOf(ctx, d.captures); err != nil {
			return nil, err
		}
		if in.Sources, err = bakedElsewhere(ctx, d.sources, in.Paths); err != nil {
			return nil, err
		}
	}
	if d.request.Variant.Kind == variants.KindSidecar {
		return variants.New(in)
	}
	if err := find.CheckFree(ctx, d.observed()); err != nil {
		return nil, err
	}
	if in.Folders, err = d.folders(ctx); err != nil {
		return nil, err
	}
	return variants.New(in)
}

// folders are those of production that the program, the sources or testdata go into.
func (d *derivation) folders(ctx context.Context) ([]variants.Folder, error) {
	root := d.root()
	var shared []variants.Folder
	launched := d.request.Variant.Kind == variants.KindRemote && (d.request.Entry == variants.EntryInplace || d.program.Command.Detour != "")
	if launched || d.rebuilt != nil {
		above, err := foldersAbove(ctx, root, d.program.File)
		if err != nil {
			return nil, err
		}
		shared = above
	}
	added := d.sources
	if d.tested != nil && !d.tested.InProduction {
		added = append(slices.Clip(added), d.tested.data)
	}
	return sharedFolders(ctx, root, added, shared)
}

// assemble solves the image that the plan describes.
func (d *derivation) assemble(ctx context.Context, plan *variants.Plan) (*Image, error) {
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
	for _, c := range d.recorded {
		parts.Read = append(parts.Read, c.state)
		if c.roots != nil { // read or not: another variant's builder needs what one compile left
			parts.Read = append(parts.Read, c.roots.state)
		}
	}
	if d.request.Variant.Kind == variants.KindSidecar {
		parts.Read = append(parts.Read, parts.Production)
	}
	for _, s := range d.sources {
		parts.Sources = append(parts.Sources, llbgen.Sources{File: llbgen.File{State: s.state, Path: s.folder}, Layer: s.isLayer})
	}
	if d.rebuilt != nil {
		parts.Files[variants.FromRebuilt] = llbgen.File{State: d.rebuilt.state, Path: d.rebuilt.program.File}
	}
	if t := d.tested; t != nil {
		parts.Files[variants.FromTests] = llbgen.File{State: t.capture.state, Path: t.file}
		parts.Files[variants.FromTestdata] = llbgen.File{State: t.data.state, Path: t.data.folder + "/"}
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
	if err != nil {
		return nil, err
	}
	scans, err := d.scan(ctx, def)
	return &Image{Production: d.image, Ref: ref, Plan: plan, PlanJSON: dt, Definition: def, Scans: scans, from: d}, err
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
