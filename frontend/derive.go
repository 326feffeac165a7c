package frontend

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/llbgen/llbtree"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"golang.org/x/sync/errgroup"
)

// deriver turns the result of the instrumented production build into the result
// of a variant.
type deriver struct {
	client  *instrumentingClient
	opts    Options
	tools   llbgen.Tools
	version string
}

// variant is one platform's debug image.
type variant struct {
	ref  client.Reference
	plan *variants.Plan

	// planJSON is the plan as the image holds it.
	planJSON []byte

	// made is what production's part comes from, definition the whole.
	made       *production
	definition *pb.Definition
}

// derive replaces every platform's image by its debug variant. The metadata that
// it does not speak of stays.
func (d *deriver) derive(ctx context.Context, res *client.Result) (*client.Result, error) {
	images, err := imagesOf(res)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	eg, ctx := errgroup.WithContext(ctx)
	for _, img := range images {
		eg.Go(func() error {
			v, err := d.deriveImage(ctx, img)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			return d.replace(res, img, v)
		})
	}
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	return res, nil
}

// deriveImage makes one platform's variant.
func (d *deriver) deriveImage(ctx context.Context, img image) (*variant, error) {
	root := rootFS{img.ref}
	made, err := d.client.of(img.ref)
	if err != nil {
		return nil, err
	}
	p, err := programOf(ctx, root, img.config.Config)
	if err != nil {
		return nil, err
	}
	facts, err := factsOf(ctx, root, p)
	if err != nil {
		return nil, refusal(p, img, made, nil, err)
	}
	captures, err := capturesOf(ctx, d.client.Client, made)
	if err != nil {
		return nil, err
	}
	captures = makers(captures, facts)
	if err := facts.Debuggable(); err != nil {
		return nil, refusal(p, img, made, captures, err)
	}
	plan, err := d.plan(ctx, img, p, facts, captures)
	if err != nil {
		return nil, err
	}
	return d.assemble(ctx, img, made, plan, captures)
}

// plan looks at what else the plan depends on, and makes it.
func (d *deriver) plan(ctx context.Context, img image, p program, facts *gobin.Facts, captures []capture) (*variants.Plan, error) {
	request, err := d.opts.request()
	if err != nil {
		return nil, err
	}
	root := rootFS{img.ref}
	for _, ours := range []string{layout.Delve, layout.Dir} {
		if st, err := root.stat(ctx, ours); err != nil {
			return nil, err
		} else if st != nil {
			return nil, fmt.Errorf("the image has %s already, where dlvgen would put its own: derive from a Dockerfile target that has no debugger in it", ours)
		}
	}
	in := variants.Input{
		Request:  request,
		Platform: platforms.FormatAll(img.platform),
		Config:   img.config,
		Base:     img.base,
		Epoch:    img.epoch,
		Program: variants.Program{
			Path:       p.path,
			Args:       p.args,
			GoVersion:  facts.GoVersion,
			ImportPath: facts.Info.Path,
			Module:     facts.Info.Main.Path,
			BuildID:    facts.BuildID,
		},
		Paths:   pathsOf(captures),
		Version: d.version,
	}
	if request.Variant.Sources == variants.SourcesBaked {
		if len(captures) == 0 {
			return nil, fmt.Errorf("no step of the Dockerfile compiled %s, so its sources are not known: derive a variant without sources", p)
		}
		if in.Folders, err = sharedFolders(ctx, root, captures); err != nil {
			return nil, err
		}
	}
	return variants.New(in)
}

// assemble solves the image that the plan describes.
func (d *deriver) assemble(ctx context.Context, img image, made *production, plan *variants.Plan, captures []capture) (*variant, error) {
	dt, err := plan.JSON()
	if err != nil {
		return nil, err
	}
	op, err := llb.NewDefinitionOp(made.Definition)
	if err != nil {
		return nil, fmt.Errorf("reading the instrumented definition: %w", err)
	}
	parts := llbgen.Parts{
		Production: llb.NewState(op),
		Tools:      d.tools,
		Platform:   img.platform,
		Plan:       plan,
		PlanJSON:   dt,
	}
	for _, c := range captures {
		parts.Captures = append(parts.Captures, c.state)
	}
	caps := d.client.BuildOpts().LLBCaps
	marshalled, err := llbgen.Assemble(parts, caps).Marshal(ctx, llb.Platform(img.platform), llb.WithCaps(caps))
	if err != nil {
		return nil, fmt.Errorf("marshalling the debug image: %w", err)
	}
	def := marshalled.ToPB()
	res, err := d.client.Client.Solve(ctx, client.SolveRequest{Definition: def, CacheImports: made.before.CacheImports})
	if err != nil {
		return nil, err
	}
	ref, err := res.SingleRef()
	return &variant{ref: ref, plan: plan, planJSON: dt, made: made, definition: def}, err
}

// replace puts a variant in the place of its production image.
func (d *deriver) replace(res *client.Result, img image, v *variant) error {
	config, err := json.Marshal(v.plan.Config)
	if err != nil {
		return fmt.Errorf("encoding the image config: %w", err)
	}
	res.AddMeta(exptypes.ExporterImageConfigKey+img.suffix, config)
	res.AddMeta(MetaPlan+img.suffix, v.planJSON)
	if d.opts.PrintLLB {
		trees, err := v.trees()
		if err != nil {
			return err
		}
		res.AddMeta(MetaLLB+img.suffix, []byte(trees))
	}
	if img.suffix == "" {
		res.SetRef(v.ref)
	} else {
		res.AddRef(strings.TrimPrefix(img.suffix, "/"), v.ref)
	}
	return nil
}

// trees prints the production definition and the debug image's.
func (v *variant) trees() (string, error) {
	before, err := llbtree.Format(v.made.before.Definition)
	if err != nil {
		return "", err
	}
	after, err := llbtree.Format(v.definition)
	if err != nil {
		return "", err
	}
	return "production:\n" + before + "\n" + v.plan.Request.Variant.Name + ":\n" + after, nil
}
