package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Images are pushed by anybody. These are more than any has.
const (
	maxDepth     = 4    // of indexes within indexes
	maxManifests = 1000 // of an index, with those within
	maxConfig    = 32 << 20
)

// attestation marks manifests that BuildKit puts into an index beside the images:
// annotation and value (docs/attestations/attestation-storage.md in moby/buildkit).
const (
	attestationKey   = "vnd.docker.reference.type"
	attestationValue = "attestation-manifest"
)

// image is one manifest that is not an index.
type image struct {
	*remote.Descriptor
	platform    *v1.Platform // as its index says, nil outside one
	attestation bool
}

// String names an image within its index.
func (i image) String() string {
	switch {
	case i.attestation:
		return fmt.Sprintf("attestation %s", i.Digest)
	case i.platform != nil:
		return fmt.Sprintf("image %s (%s)", i.Digest, i.platform)
	}
	return fmt.Sprintf("image %s", i.Digest)
}

// missingError says that something an image is made of is not in the registry.
type missingError struct {
	what string
	err  error
}

func (e *missingError) Error() string { return e.what + " is missing" }
func (e *missingError) Unwrap() error { return e.err }

// images returns the manifests that a descriptor stands for: itself, or those of an
// index, in its order. An index with nothing but attestations is an error.
func (s *session) images(ctx context.Context, top *remote.Descriptor) ([]image, error) {
	left := maxManifests
	images, err := s.expand(ctx, image{Descriptor: top}, 0, &left)
	if err == nil && !slices.ContainsFunc(images, func(i image) bool { return !i.attestation }) {
		err = errors.New("it is an index without images")
	}
	return images, err
}

// look reads what a digest names, or the session's tag, and the images that it stands for,
// without attestations.
func (s *session) look(ctx context.Context, digest string) (*remote.Descriptor, []image, error) {
	top, err := s.puller.Get(ctx, s.named(digest))
	if err != nil {
		return nil, nil, err
	}
	images, err := s.images(ctx, top)
	return top, slices.DeleteFunc(images, func(i image) bool { return i.attestation }), err
}

func (s *session) expand(ctx context.Context, parent image, depth int, left *int) ([]image, error) {
	if !parent.MediaType.IsIndex() {
		return []image{parent}, nil
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("indexes are nested more than %d deep", maxDepth)
	}
	index, err := parent.ImageIndex()
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("reading index %s: %w", parent.Digest, err)
	}
	var all []image
	if *left -= len(manifest.Manifests); *left < 0 {
		return nil, fmt.Errorf("the index has more than %d manifests", maxManifests)
	}
	for _, entry := range manifest.Manifests {
		child := image{platform: entry.Platform, attestation: isAttestation(entry)}
		child.Descriptor, err = s.puller.Get(ctx, s.repo.Digest(entry.Digest.String()))
		if isAbsent(err) {
			child.Descriptor = &remote.Descriptor{Descriptor: entry}
			return nil, &missingError{what: child.String(), err: err}
		}
		if err != nil {
			return nil, err
		}
		images, err := s.expand(ctx, child, depth+1, left)
		if err != nil {
			return nil, err
		}
		all = append(all, images...)
	}
	return all, nil
}

// config reads an image's config.
func (i image) config() (*v1.ConfigFile, error) {
	if !i.MediaType.IsImage() {
		return nil, fmt.Errorf("%s has the media type %q, not an image's", i, i.MediaType)
	}
	img, err := i.Image()
	if err != nil {
		return nil, err
	}
	manifest, err := partial.Manifest(img)
	if err != nil {
		return nil, fmt.Errorf("reading the manifest of %s: %w", i, err)
	}
	if size := manifest.Config.Size; size < 0 || size > maxConfig {
		return nil, fmt.Errorf("the config of %s has %d bytes, and a config has %d at most", i, size, maxConfig)
	}
	config, err := img.ConfigFile()
	if isAbsent(err) {
		return nil, &missingError{what: "the config of " + i.String(), err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the config of %s: %w", i, err)
	}
	if config == nil {
		return nil, errors.New("the config of " + i.String() + " is empty")
	}
	return config, nil
}

// checkOurs says what shows that dlvgen did not make the image.
func (i image) checkOurs() error {
	config, err := i.config()
	if err == nil && !variants.Ours(config.Config.Labels) {
		err = fmt.Errorf("%s lacks the label %s", i, variants.LabelVersion)
	}
	return err
}
