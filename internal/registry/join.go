package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/containerd/platforms"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Descriptor is that of a manifest or an index.
type Descriptor = v1.Descriptor

// PlatformDigest is an image of an index.
type PlatformDigest struct{ Platform, Digest string }

// Join makes one index of several, which were pushed by digest to the repositories of the
// references: their images in the order of the platforms, behind them their attestations, with
// their annotations and the first one's media type. It stores the index in each repository,
// and moves no tag.
func (c *Client) Join(ctx context.Context, parts, order []string, to []Reference) (Descriptor, error) {
	var index *joined
	for _, ref := range Repositories(to) {
		s, err := c.open(ref)
		if err != nil {
			return Descriptor{}, err
		}
		if index == nil {
			if index, err = s.join(ctx, parts, order); err != nil {
				return Descriptor{}, err
			}
		}
		if err := s.pusher.Put(ctx, s.repo.Digest(index.descriptor.Digest.String()), index); err != nil {
			return Descriptor{}, explain("pushing to "+ref.Repository(), ref.host, err)
		}
	}
	return index.descriptor, nil
}

// joined is an index as it is pushed.
type joined struct {
	descriptor Descriptor
	raw        []byte
}

func (j *joined) MediaType() (types.MediaType, error) { return j.descriptor.MediaType, nil }
func (j *joined) RawManifest() ([]byte, error)        { return j.raw, nil }

// join reads the parts from one repository.
func (s *session) join(ctx context.Context, parts, order []string) (*joined, error) {
	whole := v1.IndexManifest{SchemaVersion: 2, Manifests: []v1.Descriptor{}}
	for _, digest := range parts {
		op := fmt.Sprintf("reading %s@%s", s.ref.Repository(), digest)
		index, err := s.index(ctx, digest)
		if err != nil {
			return nil, explain(op, s.ref.host, err)
		}
		if whole.MediaType == "" {
			whole.MediaType = index.MediaType
		}
		if len(index.Annotations) > 0 && whole.Annotations == nil {
			whole.Annotations = map[string]string{}
		}
		maps.Copy(whole.Annotations, index.Annotations)
		whole.Manifests = append(whole.Manifests, index.Manifests...)
	}
	place := func(d v1.Descriptor) int {
		i := slices.Index(order, platformOf(d))
		if i < 0 || isAttestation(d) {
			return len(order)
		}
		return i
	}
	slices.SortStableFunc(whole.Manifests, func(a, b v1.Descriptor) int { return place(a) - place(b) })
	raw, err := json.MarshalIndent(whole, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding an index: %w", err)
	}
	j := &joined{raw: raw, descriptor: Descriptor{MediaType: whole.MediaType}}
	j.descriptor.Digest, j.descriptor.Size, err = v1.SHA256(bytes.NewReader(raw))
	return j, err
}

// index reads an index.
func (s *session) index(ctx context.Context, digest string) (*v1.IndexManifest, error) {
	top, err := s.puller.Get(ctx, s.repo.Digest(digest))
	if err != nil {
		return nil, err
	}
	if !top.MediaType.IsIndex() {
		return nil, fmt.Errorf("it has the media type %q, not an index's", top.MediaType)
	}
	index, err := top.ImageIndex()
	if err != nil {
		return nil, err
	}
	return index.IndexManifest()
}

// Platforms are the images of an index by their platforms, in its order.
func (c *Client) Platforms(ctx context.Context, ref Reference, digest string) ([]PlatformDigest, error) {
	s, err := c.open(ref)
	if err != nil {
		return nil, err
	}
	index, err := s.index(ctx, digest)
	if err != nil {
		return nil, explain(fmt.Sprintf("reading %s@%s", ref.Repository(), digest), ref.host, err)
	}
	var list []PlatformDigest
	for _, d := range index.Manifests {
		if !isAttestation(d) {
			list = append(list, PlatformDigest{platformOf(d), d.Digest.String()})
		}
	}
	return list, nil
}

func isAttestation(d v1.Descriptor) bool { return d.Annotations[attestationKey] == attestationValue }

// platformOf is the platform of an index's entry, as users write it: "" where it has none.
func platformOf(d v1.Descriptor) string {
	if d.Platform == nil {
		return ""
	}
	return platforms.FormatAll(platforms.Normalize(ocispecs.Platform{
		OS: d.Platform.OS, Architecture: d.Platform.Architecture, Variant: d.Platform.Variant,
		OSVersion: d.Platform.OSVersion, OSFeatures: d.Platform.OSFeatures,
	}))
}
