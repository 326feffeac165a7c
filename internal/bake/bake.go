// Package bake carries out what a command line asks for: it reads a request, sends its
// inputs to BuildKit, has each debug image built there, and brings the images where they
// belong.
package bake

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/internal/tools"
	"github.com/dlvgen/dlvgen/internal/version"
)

// Streams are what a call reads from and writes to.
type Streams struct {
	In       io.Reader         // a context or a Dockerfile, where one of them is "-"
	Out      io.Writer         // an image, where an output's destination is "-"
	Err      io.Writer         // the progress
	Tell     func(line string) // what is to be known beside it
	Terminal bool              // Out is one, which takes no image
}

// Build derives all images. No tag of a registry moves where one of them fails. A
// program that cannot be debugged is a [*derive.RefusalError].
func (r *Request) Build(ctx context.Context, s Streams) ([]*Result, error) {
	b, err := newBuilder(r, s, (*frontend.Frontend).Build)
	if err != nil {
		return nil, err
	}
	waits := &patience.Patience{Tell: b.notify}
	production := registry.WithProduction(r.production...)
	if slices.ContainsFunc(r.images, Image.isProduction) {
		production = registry.WithAskedFor(r.production...)
	}
	options := []registry.Option{registry.WithPatience(waits), registry.WithInsecure(r.insecure...), production}
	if r.force {
		options = append(options, registry.WithForce())
	}
	b.registry = registry.New(options...)
	if err := b.guard(ctx); err != nil {
		return nil, err
	}
	if err := b.open(ctx, waits); err != nil {
		return nil, err
	}
	defer b.close()
	if err := b.guardEngine(ctx, b.engineNames()); err != nil {
		return nil, err
	}
	if err := b.warnEmulated(ctx); err != nil {
		return nil, err
	}
	results, err := b.build(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.takeImages(ctx, results); err != nil {
		return nil, err
	}
	if r.beforeMove != nil {
		if err := r.beforeMove(); err != nil {
			return nil, err
		}
	}
	return results, b.move(ctx, results)
}

// BeforeMove has Build call do when all images are made, and before the first tag of a registry
// moves. Where do fails, none moves.
func (r *Request) BeforeMove(do func() error) { r.beforeMove = do }

// Explain says what Build would do, without building: the results have explanations.
func (r *Request) Explain(ctx context.Context, s Streams) ([]*Result, error) {
	return r.dry(ctx, s, (*frontend.Frontend).Explain)
}

// Eject has the images as plain Dockerfiles: the results have them. It builds what the plans
// need, with the tools of the frontend image that the Dockerfiles take them from.
func (r *Request) Eject(ctx context.Context, s Streams) ([]*Result, error) {
	from := *r
	if from.frontendImage == "" {
		image, ok := OwnImage(version.Version())
		if !ok {
			return nil, errors.New("the Dockerfile takes the tools from dlvgen's frontend image, and this dlvgen is no release that has one: name an image with --frontend-image")
		}
		from.frontendImage = image
	}
	return from.dry(ctx, s, (*frontend.Frontend).Eject)
}

// EjectStandalone is Eject for Dockerfiles that need nothing of dlvgen's. It builds with the
// tools that Build would take.
func (r *Request) EjectStandalone(ctx context.Context, s Streams) ([]*Result, error) {
	return r.dry(ctx, s, (*frontend.Frontend).EjectStandalone)
}

// dry asks the frontend, and writes nothing.
func (r *Request) dry(ctx context.Context, s Streams, call frontendCall) ([]*Result, error) {
	dry := *r
	dry.dryRun = true
	b, err := newBuilder(&dry, s, call)
	if err != nil {
		return nil, err
	}
	waits := &patience.Patience{Tell: b.notify}
	b.registry = registry.New(registry.WithPatience(waits), registry.WithInsecure(r.insecure...))
	if err := b.open(ctx, waits); err != nil {
		return nil, err
	}
	defer b.close()
	return b.build(ctx)
}

func newBuilder(r *Request, s Streams, call frontendCall) (*builder, error) {
	b := &builder{Request: r, streams: s, call: call}
	var err error
	b.tools, err = newToolbox(r.frontendImage, tools.Embedded, version.Version(), b.notify)
	return b, err
}
