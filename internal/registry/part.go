package registry

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"
)

// PartType is the artifact type of a manifest that is attached to the image of one platform, and
// names the index that has it: nodes report the digest of either. There is one for each
// platform of a production image, however many debug images are linked with it, and it is the
// same whenever it is made.
const PartType = "application/vnd.dlvgen.part.v1+json"

// Whoever can push decides how many platforms, indexes and tags there are.
const (
	maxParts    = 32  // platforms of an image that are marked
	maxWholes   = 16  // indexes that one image is looked up in
	maxSearched = 500 // tags that are searched for an index
)

// markParts attaches a part to each platform of a production image. Those of an index with more
// platforms than images have are not marked: they are found by tags.
func (s *session) markParts(ctx context.Context, whole *remote.Descriptor) error {
	parts, err := parts(whole)
	if err != nil || len(parts) > maxParts {
		return err
	}
	for _, subject := range parts {
		img, err := part(subject, whole.Digest.String())
		if err != nil {
			return err
		}
		if _, err := s.pushArtifact(ctx, img); err != nil {
			return err
		}
	}
	return nil
}

func part(subject v1.Descriptor, whole string) (v1.Image, error) {
	return attachment(PartType, subject, map[string]string{
		variants.LabelProductionDigest: whole,
		annotationTitle:                "dlvgen: one platform of " + whole,
	})
}

// parts are the images of an index, without attestations.
func parts(whole *remote.Descriptor) ([]v1.Descriptor, error) {
	list, err := manifestsOf(whole)
	return slices.DeleteFunc(list, func(d v1.Descriptor) bool { return !d.MediaType.IsImage() || isAttestation(d) }), err
}

// manifestsOf are the manifests of an index, none of an image.
func manifestsOf(whole *remote.Descriptor) ([]v1.Descriptor, error) {
	if !whole.MediaType.IsIndex() {
		return nil, nil
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(whole.Manifest))
	if err != nil {
		return nil, fmt.Errorf("reading the index %s: %w", whole.Digest, err)
	}
	return index.Manifests, nil
}

// has says that an index has a manifest.
func has(whole *remote.Descriptor, digest string) (bool, error) {
	list, err := manifestsOf(whole)
	return slices.ContainsFunc(list, func(d v1.Descriptor) bool { return d.Digest.String() == digest }), err
}

// wholes are the indexes that have an image, as parts name them. What they say is looked at:
// anybody can push one.
func (s *session) wholes(ctx context.Context, digest string) ([]string, error) {
	attached, err := s.attached(ctx, digest, PartType)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, d := range attached[:min(len(attached), maxWholes)] {
		named := d.Annotations[variants.LabelProductionDigest]
		if !isDigest(named) || slices.Contains(list, named) {
			continue
		}
		whole, err := s.puller.Get(ctx, s.repo.Digest(named))
		if isAbsent(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if is, err := has(whole, digest); err == nil && is {
			list = append(list, named)
		}
	}
	slices.Sort(list)
	return list, nil
}

// searchWholes finds the indexes that have an image among what tags name: by digest, with the
// first of the tags. It returns how many tags there are where those are too many.
func (s *session) searchWholes(ctx context.Context, digest string) (found map[string]string, tooMany int, err error) {
	tags, err := s.tags(ctx)
	if err != nil {
		return nil, 0, ctx.Err() // it lists no tags, or not for this user
	}
	tags = slices.DeleteFunc(tags, attachedTag.MatchString)
	if len(tags) > maxSearched {
		return nil, len(tags), nil
	}
	holders := make([]string, len(tags))
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(maxReads)
	for i, tag := range tags {
		group.Go(func() (err error) {
			holders[i], err = s.holder(inner, tag, digest)
			if err != nil && !isFailure(err) {
				return nil // no index that can be read
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, 0, err
	}
	found = map[string]string{}
	for i, holder := range holders {
		if _, before := found[holder]; !before && holder != "" && holder != digest && len(found) < maxWholes {
			found[holder] = tags[i]
		}
	}
	return found, 0, nil
}

// holder is the digest that a tag names, if that is the image, or an index that has it, else
// empty.
func (s *session) holder(ctx context.Context, tag, digest string) (string, error) {
	d, err := s.puller.Head(ctx, s.repo.Tag(tag))
	if isAbsent(err) {
		return "", nil
	}
	if err != nil || d.Digest.String() == digest {
		return digest, err
	}
	if !d.MediaType.IsIndex() {
		return "", nil
	}
	whole, err := s.puller.Get(ctx, s.repo.Digest(d.Digest.String()))
	if isAbsent(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	is, err := has(whole, digest)
	if err != nil || !is {
		return "", err
	}
	return d.Digest.String(), nil
}

// whole is what a production tag names where that is an index that has the image, else the
// image.
func (s *session) whole(ctx context.Context, tag string, image *remote.Descriptor) (*remote.Descriptor, error) {
	if image.MediaType.IsIndex() {
		return image, nil
	}
	holder, err := s.holder(ctx, tag, image.Digest.String())
	if err != nil || holder == "" || holder == image.Digest.String() {
		return image, err
	}
	return s.puller.Get(ctx, s.repo.Digest(holder))
}

// listWholes lists what belongs to the indexes that have the image that was named, where there
// are any. Where no tag names them any more, parts lead there.
func (s *session) listWholes(ctx context.Context, list *Listing) error {
	named := list.Production
	wholes, err := s.wholes(ctx, named.Digest)
	if err != nil {
		return err
	}
	tagged := map[string]string{}
	if len(wholes) == 0 {
		if tagged, list.Unsearched, err = s.searchWholes(ctx, named.Digest); err != nil {
			return err
		}
		for whole := range tagged {
			wholes = append(wholes, whole)
		}
		slices.Sort(wholes)
	}
	for _, whole := range wholes {
		one := Listing{Repository: list.Repository, ProductionTag: tagged[whole]}
		if one.Production, err = s.read(ctx, "", whole); err != nil {
			return err
		}
		if one.Production == nil || one.Production.Ours {
			continue
		}
		if one.ProductionTag == "" {
			err = s.listDigest(ctx, &one)
		} else {
			err = s.listTag(ctx, &one, "")
		}
		if err != nil {
			return err
		}
		if list.Part == "" || len(list.Images) == 0 && len(one.Images) > 0 {
			list.Part, list.Production, list.ProductionTag = named.Digest, one.Production, one.ProductionTag
		}
		list.add(one.Images)
		list.Unread = append(list.Unread, one.Unread...)
	}
	return nil
}

// add adds what is not listed yet.
func (l *Listing) add(images []DebugImage) {
	for _, img := range images {
		if !slices.ContainsFunc(l.Images, func(has DebugImage) bool {
			return has.Digest == img.Digest && has.Tag == img.Tag && has.Repository.Other(img.Repository) == ""
		}) {
			l.Images = append(l.Images, img)
		}
	}
}

// isWhole says that the image is an index, of one platform or of several.
func (s *Summary) isWhole() bool {
	return !slices.ContainsFunc(s.Platforms, func(p PlatformSummary) bool { return p.Digest == s.Digest })
}

// Has says that a digest is the image's, or that of one of its platforms.
func (s *Summary) Has(digest string) bool {
	return s.Digest == digest || slices.ContainsFunc(s.Platforms, func(p PlatformSummary) bool { return p.Digest == digest })
}

// unmarkParts takes the parts away from a production image with which nothing is linked any
// more.
func (s *session) unmarkParts(ctx context.Context, whole string) error {
	if links, err := s.links(ctx, whole); err != nil || len(links) > 0 {
		return err
	}
	top, err := s.puller.Get(ctx, s.repo.Digest(whole))
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	parts, err := parts(top)
	if err != nil || len(parts) > maxParts {
		return err
	}
	for _, subject := range parts {
		img, err := part(subject, whole)
		if err != nil {
			return err
		}
		digest, err := img.Digest()
		if err != nil {
			return err
		}
		if err := s.detach(ctx, subject.Digest.String(), digest.String()); err != nil {
			return err
		}
	}
	return nil
}
