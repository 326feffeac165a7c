package registry

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Push stores an archive's image in the repositories of the references, by its digest, and
// returns that. No tag is written. Layers that the images of like have are taken from there,
// so that a debug image shares them with production; those that are in the repository are
// not sent.
func (c *Client) Push(ctx context.Context, a *Archive, f Format, to, like []Reference) (string, error) {
	known := map[v1.Hash]v1.Layer{}
	for _, ref := range like {
		if err := c.collect(ctx, ref, f, known); err != nil && ctx.Err() != nil {
			return "", ctx.Err()
		}
	}
	img, err := a.pushable(f, known)
	if err != nil {
		return "", fmt.Errorf("reading the image of Docker Engine: %w", err)
	}
	digest, err := img.Digest()
	if err != nil {
		return "", fmt.Errorf("reading the image of Docker Engine: %w", err)
	}
	for _, ref := range Repositories(to) {
		s, err := c.open(ref)
		if err != nil {
			return "", err
		}
		if err := s.pusher.Push(ctx, s.repo.Digest(digest.String()), img); err != nil {
			return "", explain("pushing to "+ref.Repository(), ref.host, err)
		}
	}
	return digest.String(), nil
}

// collect adds the layers of what a tag names, by the digest of what they hold. The first
// that is found counts.
func (c *Client) collect(ctx context.Context, ref Reference, f Format, known map[v1.Hash]v1.Layer) error {
	s, err := c.open(ref)
	if err != nil {
		return err
	}
	_, images, err := s.look(ctx, "")
	if err != nil {
		return err
	}
	for _, one := range images {
		config, err := one.config()
		if err != nil {
			return err
		}
		img, err := one.Image()
		if err != nil {
			return err
		}
		layers, err := img.Layers()
		if err != nil {
			return err
		}
		for i, layer := range layers {
			media, err := layer.MediaType()
			if err != nil {
				return err
			}
			if _, ok := f.layer(media); !ok || i >= len(config.RootFS.DiffIDs) {
				continue
			}
			if diffID := config.RootFS.DiffIDs[i]; known[diffID] == nil {
				known[diffID] = layer
			}
		}
	}
	return nil
}
