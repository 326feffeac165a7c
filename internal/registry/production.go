package registry

import (
	"context"
	"slices"

	"github.com/containerd/platforms"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// PlatformImage is one image of what a reference names.
type PlatformImage struct {
	Platform, Digest string

	// Image reads its layers when they are asked for, under the context of the call.
	Image v1.Image
}

// Images are those of a tag, or of a digest where that is not empty, one for each platform in
// the order of the index, and the digest of the whole. Where there are none the list is empty.
// The error is an [*Error] of the registry.
func (c *Client) Images(ctx context.Context, ref Reference, digest string) (top string, list []PlatformImage, err error) {
	s, err := c.open(ref)
	if err != nil {
		return "", nil, err
	}
	top, list, err = s.platformImages(ctx, digest)
	if isAbsent(err) {
		return "", nil, nil
	}
	return top, list, s.readError(digest, err)
}

func (s *session) platformImages(ctx context.Context, digest string) (string, []PlatformImage, error) {
	top, images, err := s.look(ctx, digest)
	if err != nil {
		return "", nil, err
	}
	var list []PlatformImage
	for _, img := range images {
		config, err := img.config()
		if err != nil {
			return "", nil, err
		}
		about, err := img.platformSummary(config)
		if err != nil {
			return "", nil, err
		}
		whole, err := img.Image()
		if err != nil {
			return "", nil, err
		}
		list = append(list, PlatformImage{about.Platform, about.Digest, whole})
	}
	return top.Digest.String(), list, nil
}

// ForPlatform is the image for a platform, however that is spelled, nil for none.
func ForPlatform(images []PlatformImage, platform string) *PlatformImage {
	i := slices.IndexFunc(images, func(img PlatformImage) bool { return normalized(img.Platform) == normalized(platform) })
	if i < 0 {
		return nil
	}
	return &images[i]
}

// normalized spells a platform in the one way that images are compared by.
func normalized(platform string) string {
	p, err := platforms.Parse(platform)
	if err != nil {
		return platform
	}
	return platforms.Format(platforms.Normalize(p))
}
