package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/patience"
)

// cacheConfig is the media type of what every build cache of BuildKit has: the config of
// its manifest, or an entry of its index (CacheConfigMediaTypeV0 in
// cache/remotecache/v1/types of moby/buildkit).
const cacheConfig = "application/vnd.buildkit.cacheconfig.v0"

// NotCacheError says that a tag exists and names something else than a build cache.
type NotCacheError struct {
	Ref    Reference
	Reason string // how that was seen
}

func (e *NotCacheError) Error() string {
	return fmt.Sprintf("tag %s exists and is not a build cache (%s): choose another reference for the cache, or delete it",
		e.Ref.Familiar(), oneLine(e.Reason))
}

// GuardCache returns nil if a build cache may be written to the tag: it is absent, or
// names a build cache. Otherwise the error is a [*ProductionTagError], a
// [*NotCacheError], or an [*Error] of the registry.
func (c *Client) GuardCache(ctx context.Context, ref Reference) error {
	if c.production[ref.Key()] {
		return &ProductionTagError{Ref: ref}
	}
	s, err := c.open(ref)
	if err != nil {
		return err
	}
	top, err := s.puller.Get(ctx, s.repo.Tag(s.ref.tag))
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return explain(fmt.Sprintf("reading %s", s.ref), s.ref.host, err)
	}
	return guardCache(ref, top.Manifest)
}

// Answers returns nil if the reference's registry says anything at all of it, an error too.
// Otherwise the error is an [*Error] that says for how long it was silent, or the context's.
func (c *Client) Answers(ctx context.Context, ref Reference) error {
	s, err := c.open(ref)
	if err != nil {
		return err
	}
	_, err = s.puller.Get(ctx, s.repo.Tag(s.ref.tag))
	if silent := new(patience.SilentError); !errors.As(err, &silent) {
		return ctx.Err()
	}
	return explain(fmt.Sprintf("reading %s", s.ref), s.ref.host, err)
}

// guardCache reads a manifest or index.
func guardCache(ref Reference, manifest []byte) error {
	type described struct {
		MediaType string `json:"mediaType"`
	}
	var m struct {
		Config    described   `json:"config"`
		Manifests []described `json:"manifests"`
	}
	if err := json.Unmarshal(manifest, &m); err != nil {
		return &NotCacheError{Ref: ref, Reason: err.Error()}
	}
	for _, d := range append(m.Manifests, m.Config) {
		if d.MediaType == cacheConfig {
			return nil
		}
	}
	if len(m.Manifests) > 0 {
		return &NotCacheError{Ref: ref, Reason: "it is an index of images"}
	}
	return &NotCacheError{Ref: ref, Reason: fmt.Sprintf("its config has the media type %q", m.Config.MediaType)}
}
