package production

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/frontend/gateway/client"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Published is the source of an image that was built before, by whatever. Its program is
// compiled again from Sources.
type Published struct {
	// Ref is the image's reference, with its digest where that is known.
	Ref string

	Sources Sources
}

// ModuleVariables are those that say where the go command gets modules from. The compile has
// them from the build's arguments, or from secrets of these names.
var ModuleVariables = []string{"GOINSECURE", "GONOPROXY", "GONOSUMDB", "GOPRIVATE", "GOPROXY", "GOSUMDB", "GOVCS"}

// Sources are what the program of a published image is compiled from. The zero value is
// what its build information names: the Go module proxy, or a git repository.
type Sources struct {
	// Folder says that the build context is a checkout of the sources. Revision is the
	// commit of the checkout, "" where that is not known, and Changed says that it has
	// changes which are not committed.
	Folder   bool
	Revision string
	Changed  bool

	// Git is the URL of a git repository, with #REF or without.
	Git string

	// AllowMismatch takes sources of another commit than the program's.
	AllowMismatch bool

	// Secrets are the IDs of those that the compile gets. SSH says that it gets the agent.
	Secrets []string
	SSH     bool
}

// Load implements [Source].
func (p Published) Load(ctx context.Context, c client.Client) (*Production, error) {
	ui, err := dockerui.NewClient(c)
	if err != nil {
		return nil, err
	}
	named, err := reference.ParseNormalizedNamed(p.Ref)
	if err != nil {
		return nil, fmt.Errorf("reading the reference %q: %w", p.Ref, err)
	}
	r := &recorder{Client: c, requests: map[client.Reference]client.SolveRequest{}}
	image := publishedImage{ref: reference.TagNameOnly(named), name: familiar(named), client: r, ui: ui}
	built, err := ui.Build(ctx, image.build)
	if err != nil {
		return nil, err
	}
	res, err := built.Finalize()
	if err != nil {
		return nil, err
	}
	images, err := imagesOf(res, r.requests)
	if err != nil {
		return nil, err
	}
	return &Production{Name: image.name, Images: images, Result: res, Published: &p}, nil
}

// familiar is a reference as users write it, with the tag or else the digest.
func familiar(named reference.Named) string {
	if tagged, ok := named.(reference.Tagged); ok {
		return reference.FamiliarName(named) + ":" + tagged.Tag()
	}
	return reference.FamiliarString(named)
}

// Named is the image's reference without its digest, and that, "" where it is not known.
func (p Published) Named() (ref string, dgst digest.Digest) {
	named, err := reference.ParseNormalizedNamed(p.Ref)
	if err != nil {
		return p.Ref, "" // Load says so
	}
	if digested, ok := named.(reference.Digested); ok {
		dgst = digested.Digest()
	}
	ref = named.Name()
	if tagged, ok := named.(reference.Tagged); ok {
		ref += ":" + tagged.Tag()
	}
	return ref, dgst
}

// publishedImage is an image whose platforms are looked up.
type publishedImage struct {
	ref    reference.Named
	name   string
	client client.Client
	ui     *dockerui.Client
}

// build is a dockerui.BuildFunc: the image is its own base.
func (i publishedImage) build(ctx context.Context, p *ocispecs.Platform, _ int) (*dockerui.BuildResult, error) {
	on := platforms.Normalize(i.ui.BuildPlatforms[0])
	if p != nil {
		on = *p
	}
	mode := i.ui.ImageResolveMode
	resolved, dgst, dt, err := i.client.ResolveImageConfig(ctx, i.ref.String(), sourceresolver.Opt{
		LogName:  "[dlvgen] load metadata for " + i.name,
		ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &on, ResolveMode: mode.String()},
	})
	if err != nil {
		return nil, fmt.Errorf("resolving %s: %w", i.name, err)
	}
	ref, err := reference.ParseNormalizedNamed(resolved)
	if err == nil && dgst != "" {
		ref, err = reference.WithDigest(ref, dgst)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the reference %q: %w", resolved, err)
	}
	base, config := &dockerspec.DockerOCIImage{}, &dockerspec.DockerOCIImage{}
	for _, into := range []*dockerspec.DockerOCIImage{base, config} {
		if err := json.Unmarshal(dt, into); err != nil {
			return nil, fmt.Errorf("decoding the config of %s: %w", i.name, err)
		}
	}
	if len(i.ui.Labels) > 0 {
		config.Config.Labels = maps.Clone(config.Config.Labels)
		if config.Config.Labels == nil {
			config.Config.Labels = map[string]string{}
		}
		maps.Copy(config.Config.Labels, i.ui.Labels)
	}
	caps := i.client.BuildOpts().LLBCaps
	def, err := llb.Image(ref.String(), llb.Platform(on), mode, llb.WithCustomName("[dlvgen] FROM "+i.name)).Marshal(ctx, llb.Platform(on), llb.WithCaps(caps))
	if err != nil {
		return nil, fmt.Errorf("marshalling %s: %w", i.name, err)
	}
	res, err := i.client.Solve(ctx, client.SolveRequest{Definition: def.ToPB(), CacheImports: slices.Clone(i.ui.CacheImports)})
	if err != nil {
		return nil, err
	}
	built, err := res.SingleRef()
	return &dockerui.BuildResult{Reference: built, Image: config, BaseImage: base, Epoch: i.epoch()}, err
}

// epoch is SOURCE_DATE_EPOCH of the build args, nil where that is not set.
func (i publishedImage) epoch() *time.Time {
	t, err := epochOf([]byte(i.ui.BuildArgs["SOURCE_DATE_EPOCH"]))
	if err != nil {
		return nil
	}
	return t
}
