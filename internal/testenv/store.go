package testenv

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// store keeps the layers of base images between runs, in the user's cache
// folder: blobs as a registry keeps them, and a file per key that names its blob.
type store struct{ dir string }

// openStore makes the folder dlvgen-testenv in the user's cache folder.
func openStore() (store, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		// A service account may have no HOME.
		cache = filepath.Join(os.TempDir(), "dlvgen-cache")
	}
	s := store{dir: filepath.Join(cache, "dlvgen-testenv")}
	for _, dir := range []string{s.blobs("sha256"), filepath.Join(s.dir, "layers"), s.tmp()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return store{}, fmt.Errorf("opening the cache of base images: %w", err)
		}
	}
	return s, nil
}

func (s store) tmp() string { return filepath.Join(s.dir, "tmp") }

func (s store) blobs(elem ...string) string {
	return filepath.Join(append([]string{s.dir, "blobs"}, elem...)...)
}

// lock keeps other processes from making layers until the returned function is called.
func (s store) lock(ctx context.Context) (func(), error) {
	l := flock.New(filepath.Join(s.dir, "lock"))
	if _, err := l.TryLockContext(ctx, lockPoll); err != nil {
		return nil, fmt.Errorf("locking the cache of base images: %w", err)
	}
	return func() { _ = l.Unlock() }, nil
}

// layerKey digests what a layer is made of.
func layerKey(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// layer is a gzipped layer in a store.
type layer struct {
	Sum  v1.Hash `json:"digest"`
	Diff v1.Hash `json:"diffID"`
	Len  int64   `json:"size"`

	path string
}

func (l layer) Digest() (v1.Hash, error)             { return l.Sum, nil }
func (l layer) DiffID() (v1.Hash, error)             { return l.Diff, nil }
func (l layer) Size() (int64, error)                 { return l.Len, nil }
func (l layer) MediaType() (types.MediaType, error)  { return types.DockerLayer, nil }
func (l layer) Compressed() (io.ReadCloser, error)   { return os.Open(l.path) }
func (l layer) Uncompressed() (io.ReadCloser, error) { return openGzip(l.path) }

// get returns the layer kept under key.
func (s store) get(key string) (layer, bool) {
	text, err := os.ReadFile(filepath.Join(s.dir, "layers", key+".json"))
	if err != nil {
		return layer{}, false
	}
	var l layer
	if err := json.Unmarshal(text, &l); err != nil {
		return layer{}, false
	}
	l.path = s.blobs(l.Sum.Algorithm, l.Sum.Hex)
	info, err := os.Stat(l.path)
	return l, err == nil && info.Size() == l.Len
}

// put keeps what write writes, a tar stream, under key.
func (s store) put(key string, write func(io.Writer) error) (_ layer, err error) {
	f, err := os.CreateTemp(s.tmp(), "layer-*")
	if err != nil {
		return layer{}, fmt.Errorf("keeping a layer: %w", err)
	}
	defer func() {
		_ = f.Close()
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()

	sum, diff := sha256.New(), sha256.New()
	zip, err := gzip.NewWriterLevel(io.MultiWriter(f, sum), gzip.BestSpeed)
	if err != nil {
		return layer{}, fmt.Errorf("keeping a layer: %w", err)
	}
	if err := errors.Join(write(io.MultiWriter(zip, diff)), zip.Close()); err != nil {
		return layer{}, fmt.Errorf("keeping a layer: %w", err)
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return layer{}, fmt.Errorf("keeping a layer: %w", err)
	}
	l := layer{Sum: hashOf(sum), Diff: hashOf(diff), Len: size}
	l.path = s.blobs(l.Sum.Algorithm, l.Sum.Hex)
	text, err := json.Marshal(l)
	if err != nil {
		return layer{}, fmt.Errorf("keeping a layer: %w", err)
	}
	if err := os.Rename(f.Name(), l.path); err != nil {
		return layer{}, fmt.Errorf("keeping a layer: %w", err)
	}
	return l, os.WriteFile(filepath.Join(s.dir, "layers", key+".json"), text, 0o644)
}

// layer returns the layer kept under key, made by write where there is none.
func (s store) layer(key string, write func(io.Writer) error) (layer, error) {
	if l, ok := s.get(key); ok {
		return l, nil
	}
	return s.put(key, write)
}

func hashOf(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
}

// gzipFile closes the file below the reader too.
type gzipFile struct {
	*gzip.Reader
	file *os.File
}

func (g gzipFile) Close() error { return errors.Join(g.Reader.Close(), g.file.Close()) }

func openGzip(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	zip, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return gzipFile{zip, f}, nil
}
