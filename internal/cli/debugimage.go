package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dlvgen/dlvgen/internal/kubernetes"
	"github.com/dlvgen/dlvgen/internal/registry"
)

// debugImages looks up the debug images of images, each once.
type debugImages struct {
	client  *registry.Client
	variant string // its preset
	found   map[string]debugImageAnswer
}

type debugImageAnswer struct {
	image kubernetes.Image
	err   error
}

// noDebugImageError says that an image has no debug image of a variant.
type noDebugImageError struct{ image, variant string }

func (e *noDebugImageError) Error() string {
	return fmt.Sprintf("%s has no debug image of the variant %s", e.image, e.variant)
}

// of is the debug image of an image, or the image itself where that is a debug image which was
// chosen.
func (d debugImages) of(ctx context.Context, image string, chosen bool) debugImageAnswer {
	answer, ok := d.found[image]
	if !ok {
		answer.image, answer.err = d.lookUp(ctx, image, chosen)
		d.found[image] = answer
	}
	return answer
}

func (d debugImages) lookUp(ctx context.Context, image string, chosen bool) (kubernetes.Image, error) {
	ref, digest, err := registry.ParseImage(image)
	if err != nil {
		return kubernetes.Image{}, err
	}
	list, err := d.client.List(ctx, ref, digest)
	if err != nil {
		return kubernetes.Image{}, err
	}
	fits := func(img registry.DebugImage) bool { return img.Problem == nil && img.Preset() == d.variant }
	if chosen {
		fits = func(img registry.DebugImage) bool { return img.Problem == nil && img.Is(ref, digest) }
	}
	i := slices.IndexFunc(list.Images, func(img registry.DebugImage) bool {
		return fits(img) && (chosen || img.Status == registry.Current || digest != "" && img.ProductionDigest == digest)
	})
	if i < 0 {
		i = slices.IndexFunc(list.Images, fits)
	}
	if i < 0 {
		if chosen {
			return kubernetes.Image{}, fmt.Errorf("%s is no debug image", image)
		}
		return kubernetes.Image{}, &noDebugImageError{image, d.variant}
	}
	img := list.Images[i]
	if img.Status == registry.Stale && !chosen && (digest == "" || img.ProductionDigest != digest) {
		return kubernetes.Image{}, fmt.Errorf("%s was derived from what %s was before: build it again", withDigest(img.Repository, img.Digest), image)
	}
	at := img.Repository
	if img.Tag != "" {
		if at, err = at.WithTag(img.Tag); err != nil {
			return kubernetes.Image{}, err
		}
	}
	l := img.Labels
	if l.Listen == "" && l.Kind == "" {
		return kubernetes.Image{}, errors.New(withDigest(at, img.Digest) + " has no labels that say how it is debugged")
	}
	return kubernetes.Image{Ref: withDigest(at, img.Digest), Kind: l.Kind, Entry: l.Entry, Listen: l.Listen}, nil
}
