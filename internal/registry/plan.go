package registry

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Images are pushed by anybody. maxPlan is more than any plan has, maxLayer than any layer,
// inflated.
const (
	maxPlan  = 16 << 20
	maxLayer = 128 << 30
)

// PlatformPlan is the plan that one image of a debug image has.
type PlatformPlan struct {
	Platform, Digest string

	// Raw is the file in the image, Plan what it says.
	Raw  []byte
	Plan *variants.Plan

	// Image reads its layers when they are asked for, under the context of the call.
	Image v1.Image
}

// Plans reads the plans of a debug image, one for each platform, in the order of its index.
// The tag counts where digest is empty. The error is a [*NotOursError], an [*Error] of the
// registry, or says what is wrong with a plan.
func (c *Client) Plans(ctx context.Context, ref Reference, digest string) ([]PlatformPlan, error) {
	s, err := c.open(ref)
	if err != nil {
		return nil, err
	}
	plans, err := s.plans(ctx, digest)
	return plans, s.readError(digest, err)
}

func (s *session) plans(ctx context.Context, digest string) ([]PlatformPlan, error) {
	_, images, err := s.look(ctx, digest)
	if err != nil {
		return nil, err
	}
	var plans []PlatformPlan
	for _, img := range images {
		if err := img.checkOurs(); err != nil {
			return nil, fmt.Errorf("it is no debug image: %w", err)
		}
		one, err := img.plan()
		if err != nil {
			return nil, err
		}
		plans = append(plans, one)
	}
	return plans, nil
}

// plan reads the plan from its layer, which is the last as dlvgen makes images.
func (i image) plan() (PlatformPlan, error) {
	config, err := i.config()
	if err != nil {
		return PlatformPlan{}, err
	}
	about, err := i.platformSummary(config)
	if err != nil {
		return PlatformPlan{}, err
	}
	plan := PlatformPlan{Platform: about.Platform, Digest: about.Digest}
	img, err := i.Image()
	if err != nil {
		return plan, err
	}
	plan.Image = img
	layers, err := img.Layers()
	if err != nil {
		return plan, err
	}
	for _, layer := range slices.Backward(layers) {
		if plan.Raw, err = fileOf(layer, layout.Plan, maxPlan); err != nil {
			return plan, fmt.Errorf("reading the layers of %s: %w", i, err)
		}
		if plan.Raw != nil {
			plan.Plan, err = variants.ParsePlan(plan.Raw)
			return plan, err
		}
	}
	return plan, fmt.Errorf("%s has no plan at %s", i, layout.Plan)
}

// fileOf is the content of a file of a layer, nil where it has none of that path.
func fileOf(layer v1.Layer, name string, most int64) ([]byte, error) {
	r, err := layer.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for files := tar.NewReader(io.LimitReader(r, maxLayer)); ; {
		header, err := files.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return nil, err
		case path.Join("/", header.Name) != name || header.Typeflag != tar.TypeReg:
			continue
		case header.Size > most:
			return nil, fmt.Errorf("%s has %d bytes, and a plan has %d at most", name, header.Size, most)
		}
		return io.ReadAll(files)
	}
}
