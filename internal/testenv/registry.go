package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// Registry is an image registry in this process, on a free port of the loopback
// address. Its blobs are files, gone after Close.
type Registry struct {
	// Host is its address, "127.0.0.1:43210".
	Host string

	server *http.Server
	served chan error
	dir    string
	store  store
}

// StartRegistry starts a registry that holds nothing.
func StartRegistry() (*Registry, error) {
	s, err := openStore()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "dlvgen-registry-*")
	if err != nil {
		return nil, fmt.Errorf("starting a registry: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting a registry: %w", err), os.RemoveAll(dir))
	}
	// The disk handler's own type is not exported.
	pushed, ok := registry.NewDiskBlobHandler(dir).(registry.BlobPutHandler)
	if !ok {
		return nil, errors.Join(errors.New("starting a registry: the disk handler takes no uploads"), listener.Close(), os.RemoveAll(dir))
	}
	blobs := layeredBlobs{pushed, dir, s}
	handler := registry.New(
		registry.Logger(log.New(io.Discard, "", 0)),
		registry.WithBlobHandler(blobs),
		registry.WithReferrersSupport(true),
	)
	r := &Registry{Host: listener.Addr().String(), server: &http.Server{Handler: handler}, served: make(chan error, 1), dir: dir, store: s}
	go func() { r.served <- r.server.Serve(listener) }()
	return r, nil
}

// Close ends the registry and deletes what was pushed.
func (r *Registry) Close() error {
	err := r.server.Close()
	if served := <-r.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return errors.Join(err, os.RemoveAll(r.dir))
}

// Ref names an image of this registry: Ref("app:v1") is "127.0.0.1:43210/app:v1".
func (r *Registry) Ref(image string) string { return r.Host + "/" + image }

// Push stores an image under a name without the host, "app:v1", and returns its
// reference with the digest.
func (r *Registry) Push(ctx context.Context, image string, img v1.Image) (string, error) {
	ref, err := name.ParseReference(r.Ref(image), name.Insecure)
	if err != nil {
		return "", fmt.Errorf("pushing %s: %w", image, err)
	}
	if err := remote.Write(ref, img, remote.WithContext(ctx)); err != nil {
		return "", fmt.Errorf("pushing %s: %w", image, err)
	}
	digest, err := img.Digest()
	if err != nil {
		return "", fmt.Errorf("pushing %s: %w", image, err)
	}
	return ref.Context().Digest(digest.String()).Name(), nil
}

// Image reads an image or its index's first image by a name without the host.
func (r *Registry) Image(ctx context.Context, image string) (v1.Image, error) {
	ref, err := name.ParseReference(r.Ref(image), name.Insecure)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", image, err)
	}
	img, err := remote.Image(ref, remote.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", image, err)
	}
	return img, nil
}

// Lacks fails the test where an image of that name, without the host, is stored, or where
// the registry does not say that it is not.
func (r *Registry) Lacks(t testing.TB, image string) {
	t.Helper()
	_, err := r.Image(proctest.Context(t), image)
	var answer *transport.Error
	if !errors.As(err, &answer) || answer.StatusCode != http.StatusNotFound {
		t.Errorf("%s is in the registry: %v", image, err)
	}
}

// Digest is that of the image or index that a name without the host names, "" where it
// names nothing.
func (r *Registry) Digest(ctx context.Context, image string) (string, error) {
	ref, err := name.ParseReference(r.Ref(image), name.Insecure)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", image, err)
	}
	desc, err := remote.Head(ref, remote.WithContext(ctx))
	var status *transport.Error
	if errors.As(err, &status) && status.StatusCode == http.StatusNotFound {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", image, err)
	}
	return desc.Digest.String(), nil
}

// PushBaseImages makes the base images, or takes them from the cache, and stores
// them: library/golang, library/debian, library/alpine, library/busybox,
// distroless/static and chainguard/static. It takes a minute the first time on a machine.
func (r *Registry) PushBaseImages(ctx context.Context) error {
	bases, err := r.store.baseImages(ctx)
	if err != nil {
		return err
	}
	return r.pushBases(ctx, bases)
}

func (r *Registry) pushBases(ctx context.Context, bases []baseImage) error {
	for _, base := range bases {
		img, err := base.image()
		if err != nil {
			return err
		}
		for _, name := range base.names {
			if _, err := r.Push(ctx, name, img); err != nil {
				return err
			}
		}
	}
	return nil
}

// layeredBlobs keeps pushed blobs in a folder of its own and finds those of the
// store too, so that base images need no upload.
type layeredBlobs struct {
	pushed registry.BlobPutHandler
	dir    string
	store  store
}

// file is where a blob lies; the error is the registry's for a blob it has not.
func (b layeredBlobs) file(h v1.Hash) (string, int64, error) {
	for _, path := range []string{filepath.Join(b.dir, h.Algorithm, h.Hex), b.store.blobs(h.Algorithm, h.Hex)} {
		if info, err := os.Stat(path); err == nil {
			return path, info.Size(), nil
		}
	}
	return "", 0, registry.ErrNotFound
}

// Stat implements registry.BlobStatHandler.
func (b layeredBlobs) Stat(_ context.Context, _ string, h v1.Hash) (int64, error) {
	_, size, err := b.file(h)
	return size, err
}

// Get implements registry.BlobHandler.
func (b layeredBlobs) Get(_ context.Context, _ string, h v1.Hash) (io.ReadCloser, error) {
	path, _, err := b.file(h)
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// Put implements registry.BlobPutHandler.
func (b layeredBlobs) Put(ctx context.Context, repo string, h v1.Hash, rc io.ReadCloser) error {
	return b.pushed.Put(ctx, repo, h, rc)
}
