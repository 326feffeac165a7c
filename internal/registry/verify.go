package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"
)

// maxHeads is how many blobs are asked for at once.
const maxHeads = 4

// VerifyError says that what was pushed is not whole, or not dlvgen's.
type VerifyError struct {
	Ref    string // REPOSITORY@DIGEST
	Reason string
	Err    error // possibly nil
}

func (e *VerifyError) Error() string {
	return oneLine(fmt.Sprintf("%s is incomplete in the registry: %s: push it again", e.Ref, e.Reason))
}

// Unwrap returns the cause.
func (e *VerifyError) Unwrap() error { return e.Err }

// Verify reads what was pushed once more: the manifest or index of that digest in ref's
// repository (its tag does not matter), every manifest in it, their configs, and that
// every layer exists with its size. Each image must carry dlvgen's label, unless ref is a
// production tag that was asked for. The error is a
// [*VerifyError] that names what is missing, or an [*Error] of the registry.
func (c *Client) Verify(ctx context.Context, ref Reference, digest string) error {
	_, err := c.verify(ctx, ref, digest, &askedLayers{})
	return err
}

func (c *Client) verify(ctx context.Context, ref Reference, digest string, asked *askedLayers) (*remote.Descriptor, error) {
	s, err := c.open(ref)
	if err != nil {
		return nil, err
	}
	return s.verify(ctx, digest, !c.askedFor[ref.Key()], asked)
}

// verify returns what the digest names.
func (s *session) verify(ctx context.Context, digest string, ours bool, asked *askedLayers) (*remote.Descriptor, error) {
	pushed := s.ref.Repository() + "@" + digest
	if _, err := v1.NewHash(digest); err != nil {
		return nil, fmt.Errorf("verifying %s: %w", pushed, err)
	}
	top, err := s.verifyAll(ctx, digest, ours, asked)
	switch {
	case err == nil:
		return top, nil
	case isFailure(err):
		return nil, explain("verifying "+pushed, s.ref.host, err)
	case isAbsent(err) && !isMissing(err):
		return nil, &VerifyError{Ref: pushed, Reason: "its manifest is missing", Err: err}
	}
	return nil, &VerifyError{Ref: pushed, Reason: err.Error(), Err: err}
}

func isMissing(err error) bool {
	var missing *missingError
	return errors.As(err, &missing)
}

func (s *session) verifyAll(ctx context.Context, digest string, ours bool, asked *askedLayers) (*remote.Descriptor, error) {
	top, err := s.puller.Get(ctx, s.repo.Digest(digest))
	if err != nil {
		return nil, err
	}
	images, err := s.images(ctx, top)
	if err != nil {
		return nil, err
	}
	for _, img := range images {
		if img.attestation || !ours {
			_, err = img.config()
		} else {
			err = img.checkOurs()
		}
		if err != nil {
			return nil, err
		}
	}
	return top, s.verifyLayers(ctx, images, asked)
}

// askedLayers are the layers that a registry was asked for. Variants share most of theirs, and
// one call asks for each once.
type askedLayers struct {
	mu    sync.Mutex
	asked map[askedLayer]bool
}

type askedLayer struct {
	repository string
	digest     v1.Hash
	size       int64
}

// first says that nobody has asked for the layer of that size in a repository yet.
func (a *askedLayers) first(repository string, layer v1.Descriptor) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := askedLayer{repository, layer.Digest, layer.Size}
	if a.asked[key] {
		return false
	}
	if a.asked == nil {
		a.asked = map[askedLayer]bool{}
	}
	a.asked[key] = true
	return true
}

// verifyLayers asks for each layer that nobody has asked for, several at a time.
func (s *session) verifyLayers(ctx context.Context, images []image, asked *askedLayers) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxHeads)
	for _, img := range images {
		whole, err := img.Image()
		if err != nil {
			return errors.Join(err, group.Wait())
		}
		manifest, err := partial.Manifest(whole)
		if err != nil {
			return errors.Join(err, group.Wait())
		}
		for _, layer := range manifest.Layers {
			// Layers that may not be distributed stay where their URLs say.
			if !layer.MediaType.IsDistributable() || !asked.first(s.ref.Repository(), layer) {
				continue
			}
			group.Go(func() error { return s.verifyLayer(ctx, img, layer) })
		}
	}
	return group.Wait()
}

func (s *session) verifyLayer(ctx context.Context, img image, want v1.Descriptor) error {
	what := fmt.Sprintf("layer %s of %s", want.Digest, img)
	layer, err := s.puller.Layer(ctx, s.repo.Digest(want.Digest.String()))
	if err != nil {
		return err
	}
	size, err := layer.Size()
	if isAbsent(err) {
		return &missingError{what: what, err: err}
	}
	if err != nil {
		return err
	}
	// Registries may leave the size out (distribution-spec: SHOULD).
	if size > 0 && size != want.Size {
		return fmt.Errorf("%s has %d bytes, not %d", what, size, want.Size)
	}
	return nil
}
