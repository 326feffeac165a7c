package registry

import (
	"context"
	"fmt"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Resolve reads which platforms an image is for, in its index's order: that of a tag, or,
// where digest is not empty, of that digest in the reference's repository. It returns the
// digest too. Attestations do not count. The errors are those of [Client.Labels].
func (c *Client) Resolve(ctx context.Context, ref Reference, digest string) (dgst string, list []ocispecs.Platform, err error) {
	s, err := c.open(ref)
	if err != nil {
		return "", nil, err
	}
	dgst, list, err = s.platforms(ctx, digest)
	return dgst, list, s.readError(digest, err)
}

func (s *session) platforms(ctx context.Context, digest string) (dgst string, list []ocispecs.Platform, err error) {
	top, images, err := s.look(ctx, digest)
	if err != nil {
		return "", nil, err
	}
	for _, img := range images {
		if img.platform != nil && img.platform.OS == "unknown" {
			continue
		}
		p := img.platform
		if p == nil {
			config, err := img.config()
			if err != nil {
				return "", nil, err
			}
			if p = config.Platform(); p == nil {
				return "", nil, fmt.Errorf("the %s does not say its platform: its config has no os and architecture", img)
			}
		}
		list = append(list, ocispecs.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant})
	}
	return top.Digest.String(), list, nil
}
