package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// LinkError says that a debug tag is deleted, and that its link with production stays in another
// repository.
type LinkError struct {
	Debug, Production string
	Err               error
}

func (e *LinkError) Error() string {
	return fmt.Sprintf("%s is deleted, and its link stays at %s: %s", e.Debug, e.Production, e.Err)
}

// Unwrap returns the cause.
func (e *LinkError) Unwrap() error { return e.Err }

// deleteLinks deletes the links of a debug tag from both ends. The error is a [*LinkError] where
// production's cannot be deleted in another repository.
func (s *session) deleteLinks(ctx context.Context, img DebugImage, links []Link) error {
	ofTag := func(l Link) bool { return l.DebugTag == img.Tag && l.DebugDigest == img.Digest }
	var own []Link
	ends := map[Key]map[string]*session{}
	var left error
	for _, l := range links {
		if !ofTag(l) || l.DebugRepository != "" {
			continue
		}
		own = append(own, l)
		at, err := s.at(l.ProductionRepository, "")
		if err != nil {
			return err
		}
		if ends[at.ref.Key()] == nil {
			if len(ends) > maxRepositories {
				left = &LinkError{Debug: s.ref.Familiar(), Production: at.ref.Repository(), Err: errManyRepositories}
				continue
			}
			ends[at.ref.Key()] = map[string]*session{}
		}
		ends[at.ref.Key()][l.ProductionDigest] = at
	}
	asked, enough := s.client.askElsewhere(ctx)
	defer enough()
	for _, digests := range ends {
		for digest, at := range digests {
			asking := ctx
			if s.isElsewhere(at) {
				asking = asked
			}
			err := s.deleteAt(asking, at, digest, ofTag)
			if err != nil && (!s.isElsewhere(at) || ctx.Err() != nil) {
				return err
			}
			if err != nil {
				op := "deleting links of " + at.ref.Repository() + "@" + digest
				left = &LinkError{Debug: s.ref.Familiar(), Production: at.ref.Repository() + "@" + digest, Err: explain(op, at.ref.host, err)}
			}
		}
	}
	return errors.Join(s.deleteManifests(ctx, img.Digest, own), left)
}

// deleteAt deletes the links of a debug tag of the session from production's end.
func (s *session) deleteAt(ctx context.Context, at *session, production string, ofTag func(Link) bool) error {
	links, err := at.links(ctx, production)
	if err != nil {
		return err
	}
	ours := slices.DeleteFunc(links, func(l Link) bool { return !ofTag(l) || !at.isAt(l.DebugRepository, s.ref) })
	if err := at.deleteManifests(ctx, production, ours); err != nil {
		return err
	}
	return at.unmarkParts(ctx, production)
}

// deleteManifests deletes links that are attached to a digest.
func (s *session) deleteManifests(ctx context.Context, subject string, links []Link) error {
	var digests []string
	for _, l := range links {
		digests = append(digests, l.digest)
	}
	if err := s.forget(ctx, subject, digests...); err != nil {
		return err
	}
	for _, l := range links {
		if is, err := s.isLink(ctx, subject, l); err != nil {
			return err
		} else if !is {
			continue
		}
		if err := s.deleteArtifact(ctx, l.digest); err != nil {
			return err
		}
	}
	return nil
}

// detach deletes an artifact that is attached to a subject.
func (s *session) detach(ctx context.Context, subject, digest string) error {
	if err := s.forget(ctx, subject, digest); err != nil {
		return err
	}
	return s.deleteArtifact(ctx, digest)
}

// deleteArtifact deletes a manifest, where the registry lets it be deleted.
func (s *session) deleteArtifact(ctx context.Context, digest string) error {
	if err := s.pusher.Delete(ctx, s.repo.Digest(digest)); err != nil && !isAbsent(err) && !isRefusal(err) {
		return err
	}
	return nil
}

// forget takes artifacts out of the fallback tag of a subject, which clients keep themselves.
func (s *session) forget(ctx context.Context, subject string, digests ...string) error {
	tag := s.repo.Tag(fallbackTag(subject))
	top, err := s.puller.Get(ctx, tag)
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(top.Manifest))
	if err != nil || top.MediaType != types.OCIImageIndex {
		return nil // it is not what the specification says: let it be
	}
	before := len(index.Manifests)
	index.Manifests = slices.DeleteFunc(index.Manifests, func(d v1.Descriptor) bool {
		return slices.Contains(digests, d.Digest.String())
	})
	if len(index.Manifests) == before {
		return nil
	}
	if len(index.Manifests) == 0 {
		err := s.pusher.Delete(ctx, tag)
		if isRefusal(err) { // by its digest: nothing else names it
			err = s.pusher.Delete(ctx, s.repo.Digest(top.Digest.String()))
		}
		return err
	}
	raw, err := json.Marshal(index)
	if err != nil {
		return err
	}
	return s.pusher.Put(ctx, tag, &joined{raw: raw, descriptor: Descriptor{MediaType: types.OCIImageIndex}})
}
