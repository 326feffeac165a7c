package registry

import (
	"context"
	"fmt"

	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-containerregistry/pkg/name"
)

// Labels reads the labels of the image that a reference names: its tag, or, where
// digest is not empty, the manifest or index of that digest in its repository. Of an
// index it is the first image that carries dlvgen's label, else the first. The error is an
// [*Error] of the registry, or says what the manifest lacks.
func (c *Client) Labels(ctx context.Context, ref Reference, digest string) (map[string]string, error) {
	s, err := c.open(ref)
	if err != nil {
		return nil, err
	}
	labels, err := s.labels(ctx, digest)
	return labels, s.readError(digest, err)
}

// readError says what was read when an error came, and of an absent image what to do.
func (s *session) readError(digest string, err error) error {
	op := "reading " + s.spelled(digest)
	switch {
	case err == nil:
		return nil
	case isMissing(err), !isFailure(err) && !isAbsent(err):
		return fmt.Errorf("%s: %w", op, err)
	case isAbsent(err):
		return s.noSuchImage(op, err)
	}
	return explain(op, s.ref.host, err)
}

// named is the digest in the session's repository, or the reference's tag.
func (s *session) named(digest string) name.Reference {
	if digest != "" {
		return s.repo.Digest(digest)
	}
	return s.repo.Tag(s.ref.tag)
}

// spelled is [session.named] as users write it: Docker Hub is docker.io.
func (s *session) spelled(digest string) string {
	if digest != "" {
		return s.ref.Repository() + "@" + digest
	}
	return s.ref.String()
}

func (s *session) labels(ctx context.Context, digest string) (map[string]string, error) {
	_, images, err := s.look(ctx, digest)
	if err != nil {
		return nil, err
	}
	var others []map[string]string
	for _, img := range images {
		config, err := img.config()
		if err != nil {
			return nil, err
		}
		labels := config.Config.Labels
		if variants.Ours(labels) {
			return labels, nil
		}
		others = append(others, labels)
	}
	return others[0], nil // there is one, images says
}
