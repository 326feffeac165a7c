package frontend

import (
	"context"
	"errors"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/moby/buildkit/frontend/gateway/client"
)

// Eject is a client.BuildFunc that builds what the plan needs, and returns the debug image
// as a plain Dockerfile. It takes the tools from [Config.Image], as that Dockerfile does.
func (f *Frontend) Eject(ctx context.Context, c client.Client) (*client.Result, error) {
	image, err := resolve(ctx, c, f.cfg.Image)
	if err != nil {
		return nil, err
	}
	from := *f
	from.cfg.Tools = NamedImageTools(image, nil)
	return from.eject(ctx, c, image)
}

// EjectStandalone is Eject for a Dockerfile that needs nothing of dlvgen's.
func (f *Frontend) EjectStandalone(ctx context.Context, c client.Client) (*client.Result, error) {
	return f.eject(ctx, c, "")
}

func (f *Frontend) eject(ctx context.Context, c client.Client, tools string) (*client.Result, error) {
	images, err := f.ejected(ctx, c)
	if err != nil {
		return nil, err
	}
	res := client.NewResult()
	for _, img := range images {
		text, err := img.Dockerfile(c.BuildOpts().Opts["target"], tools)
		if err != nil {
			return nil, fmt.Errorf("this image cannot be written as a Dockerfile: %w", err)
		}
		res.AddMeta(MetaDockerfile+img.Production.Suffix, text)
	}
	return res, nil
}

// ejected are the images that are to be written.
func (f *Frontend) ejected(ctx context.Context, c client.Client) ([]*derive.Image, error) {
	request, err := ParseRequest(c.BuildOpts().Opts)
	if err == nil && request.Variant.Name == "" {
		err = errors.New("no variant is named")
	}
	if err != nil {
		return nil, fmt.Errorf("dlvgen: %w", err)
	}
	d, err := f.load(ctx, c, hiding{c}, request)
	if err != nil {
		return nil, err
	}
	return d.Derive(ctx)
}
