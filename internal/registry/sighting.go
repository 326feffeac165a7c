package registry

import (
	"context"
	"sync"
)

// sightings are what tags named when a call looked at them first.
type sightings struct {
	mu      sync.Mutex
	digests map[Key]string // "" for an absent tag
}

func (c *Client) saw(ref Reference, digest string) {
	c.seen.mu.Lock()
	defer c.seen.mu.Unlock()
	c.seen.digests[ref.Key()] = digest
}

func (c *Client) sawFirst(ref Reference, digest string) {
	if _, known := c.seenAt(ref); !known {
		c.saw(ref, digest)
	}
}

// seenAt is what a tag named, false where nobody has looked.
func (c *Client) seenAt(ref Reference) (string, bool) {
	c.seen.mu.Lock()
	defer c.seen.mu.Unlock()
	digest, known := c.seen.digests[ref.Key()]
	return digest, known
}

// Remember looks at production tags before the debug images are built: those that move
// meanwhile are not linked with images that may be of another build. A tag that cannot be
// read is not remembered. The error is the context's.
func (c *Client) Remember(ctx context.Context, refs ...Reference) error {
	_ = each(refs, func(ref *Reference) error {
		s, err := c.open(*ref)
		if err != nil {
			return err
		}
		digest, err := s.tagged(ctx, ref.tag)
		if err == nil {
			c.sawFirst(*ref, digest)
		}
		return err
	})
	return ctx.Err()
}
