package frontend

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/distribution/reference"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// imageRoot is where a frontend image has the tree of tools, of its own platform alone: a
// build for another one takes them from the image of that platform in the same index.
const imageRoot = "/tools"

// NamedImageTools takes the tools from a frontend image. Its name is resolved once for all
// builds of the source: a tag may move between two. tell, if not nil, is then told the
// name with the digest.
func NamedImageTools(name string, tell func(resolved string)) ToolsSource {
	var resolving sync.Mutex
	var resolved string
	return func(ctx context.Context, c client.Client) (llbgen.Tools, error) {
		resolving.Lock()
		defer resolving.Unlock()
		if resolved == "" {
			ref, err := resolve(ctx, c, name)
			if err != nil {
				return nil, err
			}
			if resolved = ref; tell != nil {
				tell(ref)
			}
		}
		return toolsImage{client: c, ref: resolved, states: map[string]llb.State{}}.tools(), nil
	}
}

// resolve adds to an image's name the digest that it leads to now.
func resolve(ctx context.Context, c client.Client, name string) (string, error) {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return "", fmt.Errorf("reading the name of the frontend image, %s: %w", name, err)
	}
	named = reference.TagNameOnly(named)
	_, dgst, _, err := c.ResolveImageConfig(ctx, named.String(), sourceresolver.Opt{})
	if err != nil {
		// As text: of errors that wrap one of BuildKit's, a client is told the inner one.
		return "", fmt.Errorf("resolving the frontend image %s: %s", name, err.Error())
	}
	if dgst != "" { // an image that only Docker Engine has may have none
		if named, err = reference.WithDigest(named, dgst); err != nil {
			return "", fmt.Errorf("resolving the frontend image %s: %w", name, err)
		}
	}
	return named.String(), nil
}

// runningTools takes the tools from the image that the gateway runs, and those of other
// platforms from its index.
func runningTools(ctx context.Context, c client.Client, running llb.State) (llbgen.Tools, error) {
	def, err := running.Marshal(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading which image the frontend is from: %w", err)
	}
	image := toolsImage{client: c, states: map[string]llb.State{layout.Platform(runtime.GOOS, runtime.GOARCH, ""): running}}
	for _, dt := range def.Def {
		var op pb.Op
		if err := op.UnmarshalVT(dt); err != nil {
			return nil, fmt.Errorf("reading which image the frontend is from: %w", err)
		}
		if ref, ok := strings.CutPrefix(op.GetSource().GetIdentifier(), "docker-image://"); ok {
			image.ref = ref
		}
	}
	return image.tools(), nil
}

// toolsImage is a frontend image.
type toolsImage struct {
	client client.Client
	ref    string // with a digest, "" where there is none of a registry

	// states are the images by platform.
	states map[string]llb.State
}

func (i toolsImage) tools() llbgen.Tools {
	var looking sync.Mutex
	return func(p ocispecs.Platform, tool string) llbgen.File {
		looking.Lock()
		defer looking.Unlock()
		key := layout.Platform(p.OS, p.Architecture, p.Variant)
		st, ok := i.states[key]
		if !ok {
			st = i.of(ocispecs.Platform{OS: p.OS, Architecture: p.Architecture})
			i.states[key] = st
		}
		return llbgen.ToolsIn(st, imageRoot)(p, tool)
	}
}

// of is the image of a platform. Whether there is one is looked up when the state is
// marshalled: BuildKit would take an image of another platform that is not part of an index.
func (i toolsImage) of(p ocispecs.Platform) llb.State {
	st := llb.Image(i.ref, llb.Platform(p), llb.WithCustomNamef("[dlvgen] load tools from %s", i.ref))
	return st.Async(func(ctx context.Context, st llb.State, _ *llb.Constraints) (llb.State, error) {
		return st, i.check(ctx, p)
	})
}

func (i toolsImage) check(ctx context.Context, p ocispecs.Platform) error {
	const remedy = "use a frontend image for both platforms; `docker buildx imagetools create` copies all of one"
	_, _, text, err := i.client.ResolveImageConfig(ctx, i.ref, sourceresolver.Opt{ImageOpt: &sourceresolver.ResolveImageOpt{Platform: &p}})
	if err != nil {
		return fmt.Errorf("looking for the tools for %s/%s in the frontend image %s: %s: %s", p.OS, p.Architecture, i.ref, err.Error(), remedy)
	}
	var config ocispecs.Image
	if err := json.Unmarshal(text, &config); err != nil {
		return fmt.Errorf("reading the configuration of the frontend image %s: %w", i.ref, err)
	}
	if config.Architecture != p.Architecture {
		return fmt.Errorf("the frontend image %s is for %s/%s, and the build needs its tools for %s/%s: %s", i.ref, config.OS, config.Architecture, p.OS, p.Architecture, remedy)
	}
	return nil
}
