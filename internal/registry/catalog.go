package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Catalog asks for many tags of one repository. It logs in once, and may be used by several
// goroutines. Its errors are an [*Error] of the registry.
type Catalog struct {
	s *session
}

// Catalog opens the repository of a reference.
func (c *Client) Catalog(ref Reference) (*Catalog, error) {
	ref.tag = ""
	s, err := c.open(ref)
	if err != nil {
		return nil, err
	}
	return &Catalog{s: s}, nil
}

// Tags are those of the repository, sorted: all, or none for a repository that there is not.
func (k *Catalog) Tags(ctx context.Context) ([]string, error) {
	tags, err := k.s.tags(ctx)
	return tags, explain("reading the tags of "+k.s.ref.Repository(), k.s.ref.host, err)
}

// Attached says that a tag stands for what is attached to an image, as registries without the
// referrers API and cosign have it, or for dlvgen's own record: it is no image's.
func Attached(tag string) bool { return tag == RecordTag || attachedTag.MatchString(tag) }

// Digest is the digest that a tag names, empty for nothing. It takes one HEAD request.
func (k *Catalog) Digest(ctx context.Context, tag string) (string, error) {
	digest, err := k.s.tagged(ctx, tag)
	return digest, explain("reading "+k.tagged(tag), k.s.ref.host, err)
}

func (k *Catalog) tagged(tag string) string { return k.s.ref.Repository() + ":" + tag }

// NoProductionError says that an image is none that a program could be debugged in.
type NoProductionError struct{ What string }

func (e *NoProductionError) Error() string { return e.What }

// CheckProduction fails with a [*NoProductionError] for a digest of what is no image, such as a
// chart or a build cache, and for a debug image. It reads one image of an index.
func (k *Catalog) CheckProduction(ctx context.Context, digest string) error {
	err := k.checkProduction(ctx, digest, 0)
	var none *NoProductionError
	if err == nil || errors.As(err, &none) {
		return err
	}
	return k.s.readError(digest, err)
}

func (k *Catalog) checkProduction(ctx context.Context, digest string, depth int) error {
	top, err := k.s.puller.Get(ctx, k.s.repo.Digest(digest))
	if err != nil {
		return err
	}
	img := image{Descriptor: top}
	if top.MediaType.IsIndex() {
		return k.checkIndex(ctx, img, depth)
	}
	if !top.MediaType.IsImage() {
		return &NoProductionError{fmt.Sprintf("it is no image: its media type is %q", top.MediaType)}
	}
	opened, err := img.Image()
	if err != nil {
		return err
	}
	manifest, err := opened.Manifest()
	if err != nil {
		return &NoProductionError{"it is no image: " + oneLine(err.Error())}
	}
	switch kind := manifest.Config.MediaType; kind {
	case types.DockerConfigJSON, types.OCIConfigJSON:
	default:
		return &NoProductionError{fmt.Sprintf("it is no image: its config has the media type %q", kind)}
	}
	config, err := img.config()
	if err == nil && variants.Ours(config.Config.Labels) {
		return &NoProductionError{"it is a debug image"}
	}
	return err
}

func (k *Catalog) checkIndex(ctx context.Context, img image, depth int) error {
	if depth == maxDepth {
		return fmt.Errorf("indexes are nested more than %d deep", maxDepth)
	}
	index, err := img.ImageIndex()
	if err != nil {
		return err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return &NoProductionError{"it is no image: " + oneLine(err.Error())}
	}
	for _, entry := range manifest.Manifests {
		if isAttestation(entry) || !entry.MediaType.IsImage() && !entry.MediaType.IsIndex() {
			continue
		}
		return k.checkProduction(ctx, entry.Digest.String(), depth+1)
	}
	return &NoProductionError{"it is an index without images"}
}

// Linked are the links of a production image. It asks for them only, not for what their tags
// name.
func (k *Catalog) Linked(ctx context.Context, digest string) ([]Link, error) {
	links, err := k.s.links(ctx, digest)
	if isFailure(err) {
		err = explain("reading what is linked with "+k.s.spelled(digest), k.s.ref.host, err)
	}
	return links, err
}

// CheckPush fails where the registry lets nothing be pushed to the repository of a reference. What
// else may be wrong shows when something is pushed.
func (c *Client) CheckPush(ctx context.Context, ref Reference) error {
	repo, next, err := c.reach(ref)
	if err != nil {
		return err
	}
	err = remote.CheckPushPermission(repo.Tag(RecordTag), registryKeychain{c.keychain}, boundTransport{ctx, next})
	if isDenied(err) {
		return explain("pushing to "+ref.Repository(), ref.host, err)
	}
	return ctx.Err()
}

// boundTransport ends requests with a context, where go-containerregistry takes none.
type boundTransport struct {
	ctx  context.Context //nolint:containedctx // that is what it is for
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t boundTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.next.RoundTrip(r.WithContext(t.ctx))
}
