package registry

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Summary is what a registry says of an image, or of all images of an index.
type Summary struct {
	Digest string

	// Size is how much of the largest image is pulled by who has nothing of it.
	Size int64

	// Created is the newest image's, zero where none has a time.
	Created   time.Time
	Platforms []PlatformSummary

	// Ours says that every image carries dlvgen's label. Labels are the first's, and Problem
	// is what is wrong with them.
	Ours    bool
	Labels  variants.Labels
	Problem error
}

// PlatformSummary is one image of a [Summary].
type PlatformSummary struct {
	Platform, Digest string
	Size             int64
}

// Preset is the name by which the variant was asked for.
func (s Summary) Preset() string {
	if s.Labels.Preset != "" {
		return s.Labels.Preset
	}
	return s.Labels.Variant
}

// summary reads what a descriptor stands for. What is no image is an error.
func (s *session) summary(ctx context.Context, top *remote.Descriptor) (*Summary, error) {
	images, err := s.images(ctx, top)
	if err != nil {
		return nil, err
	}
	sum := &Summary{Digest: top.Digest.String(), Ours: true}
	var labels map[string]string
	for _, img := range images {
		if img.attestation {
			continue
		}
		config, err := img.config()
		if err != nil {
			return nil, err
		}
		if !variants.Ours(config.Config.Labels) {
			sum.Ours = false
		}
		if labels == nil {
			labels = config.Config.Labels
		}
		one, err := img.platformSummary(config)
		if err != nil {
			return nil, err
		}
		sum.Platforms = append(sum.Platforms, one)
		sum.Size = max(sum.Size, one.Size)
		if made := config.Created.Time; made.After(sum.Created) && made.Unix() > 0 {
			sum.Created = made
		}
	}
	if sum.Ours {
		sum.Labels, sum.Problem = variants.ParseLabels(labels)
	}
	return sum, nil
}

func (i image) platformSummary(config *v1.ConfigFile) (PlatformSummary, error) {
	img, err := i.Image()
	if err != nil {
		return PlatformSummary{}, err
	}
	manifest, err := partial.Manifest(img)
	if err != nil {
		return PlatformSummary{}, err
	}
	platform := i.platform
	if platform == nil {
		platform = config.Platform()
	}
	one := PlatformSummary{Platform: platformOf(v1.Descriptor{Platform: platform}), Digest: i.Digest.String(), Size: manifest.Config.Size}
	for _, layer := range manifest.Layers {
		one.Size += layer.Size
	}
	return one, nil
}

// read summarizes what a reference names, nil where that is nothing. What is no image is
// nothing.
func (s *session) read(ctx context.Context, tag, digest string) (*Summary, error) {
	ref := s.named(digest)
	if digest == "" {
		ref = s.repo.Tag(tag)
	}
	top, err := s.puller.Get(ctx, ref)
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	sum, err := s.summary(ctx, top)
	if err != nil && !isFailure(err) {
		return nil, nil
	}
	return sum, err
}

// tagged is the digest that a tag names, empty for nothing.
func (s *session) tagged(ctx context.Context, tag string) (string, error) {
	if tag == "" {
		return "", nil
	}
	d, err := s.puller.Head(ctx, s.repo.Tag(tag))
	if isAbsent(err) {
		return "", nil
	}
	if err != nil && !isFailure(err) { // the registry's answer to HEAD lacks what is asked for
		return s.taggedByGet(ctx, tag)
	}
	if err != nil {
		return "", err
	}
	return d.Digest.String(), nil
}

func (s *session) taggedByGet(ctx context.Context, tag string) (string, error) {
	top, err := s.puller.Get(ctx, s.repo.Tag(tag))
	if isAbsent(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return top.Digest.String(), nil
}

// The list of tags may have an end nowhere: a registry's next page may be the same one again.
const (
	maxTags  = 1_000_000
	maxPages = 10_000
)

// tags are those of the repository, sorted. All of them are read, or none.
func (s *session) tags(ctx context.Context) ([]string, error) {
	lister, err := s.puller.Lister(ctx, s.repo)
	if isAbsent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var tags []string
	for pages := 1; lister.HasNext(); pages++ {
		page, err := lister.Next(ctx)
		if err != nil {
			return nil, err
		}
		tags = append(tags, page.Tags...)
		if len(tags) > maxTags || pages > maxPages {
			return nil, errors.New("its list of tags does not end")
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags), nil
}
