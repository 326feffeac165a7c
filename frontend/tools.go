package frontend

import (
	"context"
	"errors"
	"fmt"

	"github.com/distribution/reference"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/gateway/client"
)

// ToolsSource says where a build's tools come from.
type ToolsSource func(context.Context, client.Client) (llbgen.Tools, error)

// LocalTools takes the tree of tools from a local mount of that name of the build's
// session. BuildKit compares local files by size and time only, so a name must not be
// used for two trees.
func LocalTools(name string) ToolsSource {
	return func(_ context.Context, c client.Client) (llbgen.Tools, error) {
		return localTools(name, c.BuildOpts().SessionID), nil
	}
}

// SessionTools is LocalTools with another session than the build's.
func SessionTools(name, session string) ToolsSource {
	return func(context.Context, client.Client) (llbgen.Tools, error) { return localTools(name, session), nil }
}

func localTools(name, session string) llbgen.Tools {
	return llbgen.Tools{
		State: llb.Local(name,
			llb.SessionID(session),
			llb.SharedKeyHint(name),
			llb.WithCustomName("[dlvgen] load tools"),
		),
		Root: "/",
	}
}

// imageRoot is where the frontend's image has the tree of tools.
const imageRoot = "/tools"

// ImageTools takes the tree of tools from the image that the frontend itself runs from.
// The gateway hands its definition on, with the digest that it runs: the name that the
// user gave may lead to another image by now, or only in a named context.
func ImageTools() ToolsSource {
	return func(ctx context.Context, c client.Client) (llbgen.Tools, error) {
		if gateway, ok := c.(interface{ CurrentFrontend() (*llb.State, error) }); ok {
			image, err := gateway.CurrentFrontend()
			if err != nil {
				return llbgen.Tools{}, fmt.Errorf("reading which image the frontend is from: %w", err)
			}
			if image != nil {
				return llbgen.Tools{State: *image, Root: imageRoot}, nil
			}
		}
		return resolvedTools(ctx, c)
	}
}

// resolvedTools takes the tools from what the frontend's name leads to now, for the
// whole build: BuildKit 0.8 does not hand on what it runs.
func resolvedTools(ctx context.Context, c client.Client) (llbgen.Tools, error) {
	name := c.BuildOpts().Opts["source"]
	if name == "" {
		return llbgen.Tools{}, errors.New(`the gateway did not say which image this frontend is from: the attribute "source" is missing`)
	}
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return llbgen.Tools{}, fmt.Errorf("reading the frontend's name %s: %w", name, err)
	}
	named = reference.TagNameOnly(named)
	_, dgst, _, err := c.ResolveImageConfig(ctx, named.String(), sourceresolver.Opt{})
	if err != nil {
		return llbgen.Tools{}, fmt.Errorf("resolving the frontend's image %s: %w", name, err)
	}
	if dgst != "" { // an image that only Docker Engine has may have none
		if named, err = reference.WithDigest(named, dgst); err != nil {
			return llbgen.Tools{}, fmt.Errorf("resolving the frontend's image %s: %w", name, err)
		}
	}
	return llbgen.Tools{
		State: llb.Image(named.String(), llb.WithCustomName("[dlvgen] load tools from "+name)),
		Root:  imageRoot,
	}, nil
}
