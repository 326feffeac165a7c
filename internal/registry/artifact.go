package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// maxLinks is more than any image has: anybody who can push attaches links.
const maxLinks = 1000

// emptyJSON is the content of what a manifest must have and an artifact does not need
// ("Guidelines for Artifact Usage" in the image-spec).
const (
	emptyJSON = "{}"
	emptyType = types.MediaType("application/vnd.oci.empty.v1+json")
)

// annotationTitle is OCI's for what a user is shown of an artifact.
const annotationTitle = "org.opencontainers.image.title"

// artifact completes a manifest of an artifact type, and has the layers that it names. It is the
// same whenever it is made of the same.
func artifact(m v1.Manifest, layers map[v1.Hash]v1.Layer) (v1.Image, error) {
	m.SchemaVersion, m.MediaType = 2, types.OCIManifestSchema1
	// Registries that know no artifact type take the config's.
	config, err := emptyDescriptor(types.MediaType(m.ArtifactType))
	if err != nil {
		return nil, err
	}
	m.Config = config
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return partial.CompressedToImage(&pushed{media: m.MediaType, config: []byte(emptyJSON), manifest: raw, layers: layers})
}

func emptyDescriptor(media types.MediaType) (v1.Descriptor, error) {
	digest, size, err := v1.SHA256(bytes.NewReader([]byte(emptyJSON)))
	return v1.Descriptor{MediaType: media, Size: size, Digest: digest}, err
}

// attachment is an artifact of annotations that is attached to a subject.
func attachment(artifactType string, subject v1.Descriptor, annotations map[string]string) (v1.Image, error) {
	empty, err := emptyDescriptor(emptyType)
	if err != nil {
		return nil, err
	}
	return artifact(v1.Manifest{
		ArtifactType: artifactType, Layers: []v1.Descriptor{empty}, Subject: asSubject(subject), Annotations: annotations,
	}, map[v1.Hash]v1.Layer{empty.Digest: static.NewLayer([]byte(emptyJSON), emptyType)})
}

// asSubject is what a manifest says of its subject.
func asSubject(d v1.Descriptor) *v1.Descriptor {
	return &v1.Descriptor{MediaType: d.MediaType, Size: d.Size, Digest: d.Digest}
}

// pushArtifact pushes an artifact by its digest, and returns that.
func (s *session) pushArtifact(ctx context.Context, img v1.Image) (string, error) {
	digest, err := img.Digest()
	if err != nil {
		return "", err
	}
	return digest.String(), s.pusher.Push(ctx, s.repo.Digest(digest.String()), img)
}

// attached is what of a type is attached to a digest, with its annotations.
func (s *session) attached(ctx context.Context, digest, artifactType string) ([]v1.Descriptor, error) {
	subject := s.repo.Digest(digest)
	index, err := remote.Referrers(subject, remote.WithContext(ctx), remote.Reuse(s.puller))
	if isAbsent(err) || knowsNoReferrers(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var list []v1.Descriptor
	for _, d := range manifest.Manifests {
		if d.ArtifactType != artifactType {
			continue
		}
		if len(list) == maxLinks {
			return nil, fmt.Errorf("%s has more than %d links", digest, maxLinks)
		}
		if len(d.Annotations) == 0 { // the registry leaves them out
			m, err := s.manifest(ctx, d.Digest.String())
			if err != nil {
				return nil, err
			}
			d.Annotations = m.Annotations
		}
		list = append(list, d)
	}
	return list, nil
}

// knowsNoReferrers says that a registry's answer to a question for referrers is that it has no
// such questions, in another way than the specification's.
func knowsNoReferrers(err error) bool {
	var status *transport.Error
	return errors.As(err, &status) && slices.Contains([]int{http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType, http.StatusNotImplemented}, status.StatusCode)
}

// manifest is that of an image, one without content where it is gone or none.
func (s *session) manifest(ctx context.Context, digest string) (*v1.Manifest, error) {
	d, err := s.puller.Get(ctx, s.repo.Digest(digest))
	if isAbsent(err) {
		return &v1.Manifest{}, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(d.Manifest))
	if err != nil {
		return &v1.Manifest{}, nil // whatever it is, it is no link
	}
	return m, nil
}
