package registry

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// Archive is an image as Docker Engine saves it, in files that Close deletes.
type Archive struct {
	dir string
	img v1.Image
}

// NewArchive keeps the archive that r has.
func NewArchive(r io.Reader) (*Archive, error) {
	dir, err := os.MkdirTemp("", "dlvgen-image-")
	if err != nil {
		return nil, fmt.Errorf("keeping an image: %w", err)
	}
	a := &Archive{dir: dir}
	if err := a.load(r); err != nil {
		return nil, errors.Join(fmt.Errorf("keeping an image: %w", err), a.Close())
	}
	return a, nil
}

func (a *Archive) load(r io.Reader) error {
	file, err := os.Create(a.path())
	if err != nil {
		return err
	}
	_, err = io.Copy(file, r)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	a.img, err = tarball.ImageFromPath(file.Name(), nil)
	return err
}

func (a *Archive) path() string { return filepath.Join(a.dir, "image.tar") }

// Close deletes the files.
func (a *Archive) Close() error { return os.RemoveAll(a.dir) }

// Write writes the archive once more, with names for its image.
func (a *Archive) Write(w io.Writer, names []Reference) error {
	file, err := os.Open(a.path())
	if err != nil {
		return fmt.Errorf("reading an image: %w", err)
	}
	defer func() { _ = file.Close() }()
	out := tar.NewWriter(w)
	for in := tar.NewReader(file); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out.Close()
		}
		if err != nil {
			return fmt.Errorf("reading an image: %w", err)
		}
		var content io.Reader = in
		switch header.Name {
		case "repositories": // the names, for older engines than any that is supported
			continue
		case "manifest.json":
			text, err := rename(in, names)
			if err != nil {
				return fmt.Errorf("reading an image: %w", err)
			}
			content, header.Size = bytes.NewReader(text), int64(len(text))
		}
		if err := out.WriteHeader(header); err != nil {
			return fmt.Errorf("writing an image: %w", err)
		}
		if _, err := io.Copy(out, content); err != nil { //nolint:gosec // as large as what the engine sent
			return fmt.Errorf("writing an image: %w", err)
		}
	}
}

// rename replaces the names in an archive's manifest.
func rename(manifest io.Reader, names []Reference) ([]byte, error) {
	var images tarball.Manifest
	if err := json.NewDecoder(manifest).Decode(&images); err != nil {
		return nil, err
	}
	for i := range images {
		images[i].RepoTags = nil
		for _, ref := range names {
			images[i].RepoTags = append(images[i].RepoTags, ref.String())
		}
	}
	return json.Marshal(images)
}

// Format says how an archive's image is pushed: the zero value is Docker's media types.
type Format struct {
	OCI bool

	// Level is that of gzip, 1 to 9; the default is gzip's own.
	Level int
}

func (f Format) manifest() types.MediaType {
	if f.OCI {
		return types.OCIManifestSchema1
	}
	return types.DockerManifestSchema2
}

func (f Format) config() types.MediaType {
	if f.OCI {
		return types.OCIConfigJSON
	}
	return types.DockerConfigJSON
}

// layer is the type of a compressed layer, false where the format has none for it.
func (f Format) layer(have types.MediaType) (types.MediaType, bool) {
	switch have {
	case types.OCILayer, types.DockerLayer:
		if f.OCI {
			return types.OCILayer, true
		}
		return types.DockerLayer, true
	case types.OCILayerZStd:
		return have, f.OCI
	}
	return "", false
}

// pushable returns the image with its layers compressed. Those that known has are taken from
// there, by the digest of what they hold.
func (a *Archive) pushable(f Format, known map[v1.Hash]v1.Layer) (v1.Image, error) {
	config, err := a.img.RawConfigFile()
	if err != nil {
		return nil, err
	}
	layers, err := a.img.Layers()
	if err != nil {
		return nil, err
	}
	p := &pushed{media: f.manifest(), config: config, layers: map[v1.Hash]v1.Layer{}}
	m := v1.Manifest{SchemaVersion: 2, MediaType: p.media, Layers: []v1.Descriptor{}}
	m.Config = v1.Descriptor{MediaType: f.config()}
	if m.Config.Digest, m.Config.Size, err = v1.SHA256(bytes.NewReader(config)); err != nil {
		return nil, err
	}
	for _, plain := range layers {
		diffID, err := plain.DiffID()
		if err != nil {
			return nil, err
		}
		layer := known[diffID]
		if layer == nil {
			if layer, err = a.compress(f, plain, diffID); err != nil {
				return nil, err
			}
		}
		d, err := describe(f, layer)
		if err != nil {
			return nil, err
		}
		m.Layers = append(m.Layers, d)
		p.layers[d.Digest] = layer
	}
	if p.manifest, err = json.Marshal(m); err != nil {
		return nil, err
	}
	img, err := partial.CompressedToImage(p)
	return &sharing{img, p.layers}, err
}

// sharing is an image whose layers are what they were read from: those of a registry are mounted
// into another repository, not sent.
type sharing struct {
	v1.Image
	layers map[v1.Hash]v1.Layer
}

// Layers implements v1.Image.
func (i *sharing) Layers() ([]v1.Layer, error) {
	m, err := i.Manifest()
	if err != nil {
		return nil, err
	}
	var list []v1.Layer
	for _, d := range m.Layers {
		list = append(list, i.layers[d.Digest])
	}
	return list, nil
}

func describe(f Format, layer v1.Layer) (d v1.Descriptor, err error) {
	have, err := layer.MediaType()
	if err != nil {
		return d, err
	}
	d.MediaType, _ = f.layer(have)
	if d.Digest, err = layer.Digest(); err != nil {
		return d, err
	}
	d.Size, err = layer.Size()
	return d, err
}

// compress writes a layer to a file beside the archive.
func (a *Archive) compress(f Format, plain v1.Layer, diffID v1.Hash) (v1.Layer, error) {
	r, err := plain.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	file, err := os.Create(filepath.Join(a.dir, diffID.Hex+".gz"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	level := gzip.DefaultCompression
	if f.Level != 0 {
		level = f.Level
	}
	zip, err := gzip.NewWriterLevel(io.MultiWriter(file, sum), level)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(zip, r); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	media, _ := f.layer(types.DockerLayer)
	return partial.CompressedToLayer(&fileLayer{
		path: file.Name(), size: info.Size(), media: media, diffID: diffID,
		digest: v1.Hash{Algorithm: "sha256", Hex: fmt.Sprintf("%x", sum.Sum(nil))},
	})
}

// fileLayer is a compressed layer in a file.
type fileLayer struct {
	path           string
	size           int64
	digest, diffID v1.Hash
	media          types.MediaType
}

func (l *fileLayer) Digest() (v1.Hash, error)            { return l.digest, nil }
func (l *fileLayer) DiffID() (v1.Hash, error)            { return l.diffID, nil }
func (l *fileLayer) Size() (int64, error)                { return l.size, nil }
func (l *fileLayer) MediaType() (types.MediaType, error) { return l.media, nil }
func (l *fileLayer) Compressed() (io.ReadCloser, error)  { return os.Open(l.path) }

// pushed is an image as it is pushed.
type pushed struct {
	media            types.MediaType
	config, manifest []byte
	layers           map[v1.Hash]v1.Layer
}

func (p *pushed) MediaType() (types.MediaType, error) { return p.media, nil }
func (p *pushed) RawConfigFile() ([]byte, error)      { return p.config, nil }
func (p *pushed) RawManifest() ([]byte, error)        { return p.manifest, nil }

func (p *pushed) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if layer, ok := p.layers[h]; ok {
		return layer, nil
	}
	return nil, fmt.Errorf("the image has no layer %s", h)
}
