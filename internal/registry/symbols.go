package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// SymbolsType is the artifact type of the symbols of a production image: a manifest that has
// it as its subject, with an archive for each platform.
const SymbolsType = "application/vnd.dlvgen.symbols.v1"

const symbolsLayer = types.MediaType("application/vnd.dlvgen.symbols.layer.v1.tar+gzip")

// SymbolsContent is the annotation of an archive of symbols that has the SHA-256 of the archive
// before it was compressed, as a digest.
const SymbolsContent = "io.github.dlvgen.symbols.content"

// maxArchives is more than an image has of platforms.
const maxArchives = 100

// SymbolsArchive is one archive of symbols.
type SymbolsArchive struct {
	// Name is the archive's: ID.tar.gz. Annotations say what it has.
	Name        string
	Annotations map[string]string

	// Digest and Size are those in the registry.
	Digest string
	Size   int64

	// artifact is the digest of the manifest that was read.
	artifact string
	layer    v1.Layer
}

// NewSymbolsArchive is an archive that is a file. The annotations have [SymbolsContent].
func NewSymbolsArchive(name, file string, annotations map[string]string) (SymbolsArchive, error) {
	open := func() (io.ReadCloser, error) { return os.Open(file) }
	layer, err := tarball.LayerFromOpener(open, tarball.WithMediaType(symbolsLayer))
	if err != nil {
		return SymbolsArchive{}, err
	}
	digest, err := layer.Digest()
	if err != nil {
		return SymbolsArchive{}, err
	}
	size, err := layer.Size()
	return SymbolsArchive{Name: name, Annotations: annotations, Digest: digest.String(), Size: size, layer: layer}, err
}

// Open reads the archive, under the context of the call that found it. Whoever reads to its
// end gets an error there if it is not what the digest says.
func (a SymbolsArchive) Open() (io.ReadCloser, error) {
	r, err := a.layer.Compressed()
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(r, a.Size+1), r}, nil // the end has to be seen: the digest is compared there
}

// Symbols are the archives that are attached to a production image, in the order of their
// names. Archives of one content are listed once. The error is an [*Error] of the registry.
func (c *Client) Symbols(ctx context.Context, ref Reference, digest string) ([]SymbolsArchive, error) {
	s, err := c.open(ref)
	if err != nil {
		return nil, err
	}
	list, err := s.symbols(ctx, digest)
	return list, explain("reading the symbols of "+s.spelled(digest), ref.host, err)
}

func (s *session) symbols(ctx context.Context, digest string) ([]SymbolsArchive, error) {
	attached, err := s.attached(ctx, digest, SymbolsType)
	if err != nil {
		return nil, err
	}
	var list []SymbolsArchive
	seen := map[string]bool{}
	for _, d := range attached {
		m, err := s.manifest(ctx, d.Digest.String())
		if err != nil {
			return nil, err
		}
		if !areSymbols(m, digest) {
			continue
		}
		for _, l := range m.Layers {
			content := cmp.Or(l.Annotations[SymbolsContent], l.Digest.String())
			if l.MediaType != symbolsLayer || l.Size < 0 || seen[content] {
				continue
			}
			if len(list) == maxArchives {
				return nil, fmt.Errorf("%s has more than %d archives of symbols", digest, maxArchives)
			}
			seen[content] = true
			layer, err := s.puller.Layer(ctx, s.repo.Digest(l.Digest.String()))
			if err != nil {
				return nil, err
			}
			list = append(list, SymbolsArchive{l.Annotations[annotationTitle], l.Annotations, l.Digest.String(), l.Size, d.Digest.String(), layer})
		}
	}
	slices.SortFunc(list, func(a, b SymbolsArchive) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Digest, b.Digest))
	})
	return list, nil
}

// PushSymbols attaches archives, one at least, to the production image of that digest, and
// returns the digest of what has them there. Nothing is pushed where the image has all of them,
// however they were compressed. The error is an [*Error] of the registry.
func (c *Client) PushSymbols(ctx context.Context, ref Reference, digest string, archives []SymbolsArchive) (artifact string, pushed bool, err error) {
	s, err := c.open(ref)
	if err != nil {
		return "", false, err
	}
	artifact, pushed, err = s.pushSymbols(ctx, digest, archives)
	op := "pushing the symbols of " + s.spelled(digest)
	if isAbsent(err) {
		return "", false, s.noSuchImage(op, err)
	}
	return artifact, pushed, explain(op, ref.host, err)
}

func (s *session) pushSymbols(ctx context.Context, digest string, archives []SymbolsArchive) (artifact string, pushed bool, err error) {
	there, err := s.symbols(ctx, digest)
	if err != nil {
		return "", false, err
	}
	missing := false
	for _, a := range archives {
		i := slices.IndexFunc(there, func(t SymbolsArchive) bool { return t.Name == a.Name && maps.Equal(t.Annotations, a.annotations()) })
		if i < 0 {
			missing = true
			break
		}
		artifact = there[i].artifact
	}
	if !missing {
		return artifact, false, nil
	}
	production, err := s.puller.Get(ctx, s.repo.Digest(digest))
	if err != nil {
		return "", false, err
	}
	img, err := symbolsManifest(production.Descriptor, archives)
	if err != nil {
		return "", false, err
	}
	artifact, err = s.pushArtifact(ctx, img)
	return artifact, true, err
}

func (a SymbolsArchive) annotations() map[string]string {
	all := maps.Clone(a.Annotations)
	all[annotationTitle] = a.Name
	return all
}

// symbolsManifest is what is attached to a subject. It is the same whenever it is made of the
// same archives.
func symbolsManifest(subject v1.Descriptor, archives []SymbolsArchive) (v1.Image, error) {
	m := v1.Manifest{
		ArtifactType: SymbolsType, Subject: asSubject(subject),
		Annotations: map[string]string{annotationTitle: "dlvgen: symbols of " + subject.Digest.String()},
	}
	layers := map[v1.Hash]v1.Layer{}
	for _, a := range archives {
		digest, err := v1.NewHash(a.Digest)
		if err != nil {
			return nil, err
		}
		if a.layer == nil {
			return nil, errors.New("an archive of symbols is no file")
		}
		layers[digest] = a.layer
		m.Layers = append(m.Layers, v1.Descriptor{MediaType: symbolsLayer, Size: a.Size, Digest: digest, Annotations: a.annotations()})
	}
	return artifact(m, layers)
}

// deleteSymbols deletes what is attached to a production image that is gone. One that only no
// tag names may still run.
func (s *session) deleteSymbols(ctx context.Context, production string) error {
	if production == "" {
		return nil
	}
	if _, err := s.puller.Head(ctx, s.repo.Digest(production)); !isAbsent(err) {
		return err
	}
	attached, err := s.attached(ctx, production, SymbolsType)
	if err != nil {
		return err
	}
	for _, d := range attached {
		m, err := s.manifest(ctx, d.Digest.String())
		if err != nil {
			return err
		}
		if !areSymbols(m, production) {
			continue
		}
		if err := s.detach(ctx, production, d.Digest.String()); err != nil {
			return err
		}
	}
	return nil
}

// areSymbols says that a manifest is of symbols that are attached to an image. What lists it may
// be a stranger's.
func areSymbols(m *v1.Manifest, production string) bool {
	return m.Subject != nil && m.Subject.Digest.String() == production && m.Config.MediaType == SymbolsType
}
