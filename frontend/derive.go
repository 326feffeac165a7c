package frontend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	commonexptypes "github.com/moby/buildkit/exporter/exptypes"
	"github.com/moby/buildkit/frontend/gateway/client"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
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

// image is one platform's image within a result.
type image struct {
	ref      client.Reference
	platform ocispecs.Platform

	// suffix is what the platform adds to metadata keys: "" or "/linux/amd64".
	suffix string

	config, base *dockerspec.DockerOCIImage
	epoch        *time.Time
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
			ref, plan, err := d.deriveImage(ctx, img)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			return d.replace(res, img, ref, plan)
		})
	}
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	return res, nil
}

// imagesOf takes a result of the Dockerfile frontend apart.
func imagesOf(res *client.Result) ([]image, error) {
	var ps exptypes.Platforms
	if err := json.Unmarshal(res.Metadata[exptypes.ExporterPlatformsKey], &ps); err != nil {
		return nil, fmt.Errorf("decoding the platforms of the result: %w", err)
	}
	images := make([]image, 0, len(ps.Platforms))
	for _, p := range ps.Platforms {
		img := image{ref: res.Ref, platform: p.Platform}
		if len(res.Refs) > 0 {
			img.ref, img.suffix = res.Refs[p.ID], "/"+p.ID
		}
		if img.ref == nil {
			return nil, fmt.Errorf("the image for %s is empty: there is no program in it to debug", p.ID)
		}
		img.config, img.base = &dockerspec.DockerOCIImage{}, &dockerspec.DockerOCIImage{}
		if err := json.Unmarshal(res.Metadata[exptypes.ExporterImageConfigKey+img.suffix], img.config); err != nil {
			return nil, fmt.Errorf("decoding the image config for %s: %w", p.ID, err)
		}
		if dt := res.Metadata[exptypes.ExporterImageBaseConfigKey+img.suffix]; len(dt) > 0 {
			if err := json.Unmarshal(dt, img.base); err != nil {
				return nil, fmt.Errorf("decoding the base image config for %s: %w", p.ID, err)
			}
		}
		if dt := res.Metadata[commonexptypes.ExporterEpochKey+img.suffix]; len(dt) > 0 {
			if sec, err := strconv.ParseInt(string(dt), 10, 64); err == nil {
				epoch := time.Unix(sec, 0).UTC()
				img.epoch = &epoch
			}
		}
		images = append(images, img)
	}
	return images, nil
}

// deriveImage makes one platform's variant.
func (d *deriver) deriveImage(ctx context.Context, img image) (client.Reference, *variants.Plan, error) {
	root := rootFS{img.ref}
	made, err := d.client.of(img.ref)
	if err != nil {
		return nil, nil, err
	}
	p, err := programOf(ctx, root, img.config.Config)
	if err != nil {
		return nil, nil, err
	}
	facts, err := factsOf(ctx, root, p)
	if err != nil {
		return nil, nil, refusal(p, img, made, nil, err)
	}
	captures, err := capturesOf(ctx, d.client.Client, made)
	if err != nil {
		return nil, nil, err
	}
	captures = makers(captures, facts)
	if err := facts.Debuggable(); err != nil {
		return nil, nil, refusal(p, img, made, captures, err)
	}
	plan, err := d.plan(ctx, img, p, facts, captures)
	if err != nil {
		return nil, nil, err
	}
	ref, err := d.assemble(ctx, img, made, plan, captures)
	return ref, plan, err
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
func (d *deriver) assemble(ctx context.Context, img image, made *production, plan *variants.Plan, captures []capture) (client.Reference, error) {
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
	def, err := llbgen.Assemble(parts, caps).Marshal(ctx, llb.Platform(img.platform), llb.WithCaps(caps))
	if err != nil {
		return nil, fmt.Errorf("marshalling the debug image: %w", err)
	}
	res, err := d.client.Client.Solve(ctx, client.SolveRequest{Definition: def.ToPB(), CacheImports: made.before.CacheImports, Evaluate: true})
	if err != nil {
		return nil, err
	}
	return res.SingleRef()
}

// replace puts a variant in the place of its production image.
func (d *deriver) replace(res *client.Result, img image, ref client.Reference, plan *variants.Plan) error {
	config, err := json.Marshal(plan.Config)
	if err != nil {
		return fmt.Errorf("encoding the image config: %w", err)
	}
	dt, err := plan.JSON()
	if err != nil {
		return err
	}
	res.AddMeta(exptypes.ExporterImageConfigKey+img.suffix, config)
	res.AddMeta(MetaPlan+img.suffix, dt)
	if img.suffix == "" {
		res.SetRef(ref)
	} else {
		res.AddRef(strings.TrimPrefix(img.suffix, "/"), ref)
	}
	return nil
}

// refusal says why a program cannot be debugged: what it is, which step made it,
// and what to do.
func refusal(p program, img image, made *production, captures []capture, cause error) error {
	var format *gobin.FormatError
	if errors.As(cause, &format) {
		return fmt.Errorf("%s, which the image starts (%s), cannot be debugged: %w; dlvgen debugs Go programs that the image starts directly",
			p, origin(img.config.Config), cause)
	}
	where := "no step of the Dockerfile compiled it: it was copied in ready-made, or compiled by a go command that dlvgen did not see"
	if len(captures) > 0 {
		where = fmt.Sprintf("it was compiled for debugging by %q, and changed afterwards: look for strip, objcopy or upx in a later step", captures[0].step.Name)
	} else if len(made.Steps) == 0 {
		where = "no step of the Dockerfile compiles Go: the program was copied in ready-made, so compile it in the Dockerfile"
	}
	return fmt.Errorf("%s, which the image starts (%s), cannot be debugged: %w; %s", p, origin(img.config.Config), cause, where)
}
