package doctor

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// files are those of a container or an image.
type files interface {
	// each reads the file of an absolute path, or all files below it. Links are followed to it,
	// and not below it. The error wraps fs.ErrNotExist where there is nothing.
	each(ctx context.Context, at string, read func(name string, content io.Reader) error) error
}

// maxLinks is how many links are followed, as the kernel does.
const maxLinks = 40

// containerFiles are those of a container, whether it runs or not.
type containerFiles struct {
	engine *docker.Engine
	id     string
}

func (f containerFiles) each(ctx context.Context, at string, read func(string, io.Reader) error) error {
	for range maxLinks {
		link, err := f.once(ctx, at, read)
		if err != nil || link == "" {
			return err
		}
		at = path.Join(path.Dir(at), link)
		if path.IsAbs(link) {
			at = path.Clean(link)
		}
	}
	return fmt.Errorf("%s is a link to itself", at)
}

// once reads a path, or returns where the link leads that it is.
func (f containerFiles) once(ctx context.Context, at string, read func(string, io.Reader) error) (link string, err error) {
	answer, err := f.engine.CopyFromContainer(ctx, f.id, client.CopyFromContainerOptions{SourcePath: at})
	if errdefs.IsNotFound(err) {
		return "", fmt.Errorf("%s: %w", at, fs.ErrNotExist)
	}
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", at, err)
	}
	defer func() { _ = answer.Content.Close() }()
	for archive := tar.NewReader(answer.Content); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return "", nil
		}
		if err != nil {
			return "", fmt.Errorf("reading %s: %w", at, err)
		}
		name := path.Join("/", path.Dir(at), h.Name)
		switch {
		case h.Typeflag == tar.TypeSymlink && name == at:
			return h.Linkname, nil
		case h.Typeflag == tar.TypeReg:
			if err := read(name, archive); err != nil {
				return "", err
			}
		}
	}
}

// ofImage are the files of an image that an engine has: of a container that is made of it, and never
// started. Close removes it.
func (d *Doctor) ofImage(ctx context.Context, e *docker.Engine, image string) (files, error) {
	made, err := e.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config:     &container.Config{Image: image, Entrypoint: []string{"/never-started"}},
		HostConfig: &container.HostConfig{NetworkMode: "none"},
	})
	if err != nil {
		return nil, fmt.Errorf("creating a container of %s to read its files: %w", image, err)
	}
	d.folder.addContainer(made.ID)
	return containerFiles{e, made.ID}, nil
}

// layerFiles are the files of an image in a registry.
type layerFiles struct{ image v1.Image }

func (f layerFiles) each(ctx context.Context, at string, read func(string, io.Reader) error) error {
	layers, err := f.image.Layers()
	if err != nil {
		return err
	}
	ours, err := f.ours(len(layers))
	if err != nil {
		return err
	}
	for range maxLinks {
		w := &layerWalk{at: at, read: read, seen: map[string]bool{}}
		for i, layer := range slices.Backward(layers) {
			// Whole folders are read of what dlvgen has added: nothing below it is its own.
			if w.done || w.any && !ours[i] {
				break
			}
			if err := w.layer(ctx, layer); err != nil {
				return err
			}
		}
		switch {
		case w.link == "" && !w.any:
			return fmt.Errorf("%s: %w", at, fs.ErrNotExist)
		case w.link == "":
			return nil
		case path.IsAbs(w.link):
			at = path.Clean(w.link)
		default:
			at = path.Join(path.Dir(at), w.link)
		}
	}
	return fmt.Errorf("%s is a link to itself", at)
}

// ours tells which layers the image's history says dlvgen added.
func (f layerFiles) ours(layers int) ([]bool, error) {
	config, err := f.image.ConfigFile()
	if err != nil {
		return nil, err
	}
	if ours := registry.AddedLayers(config, layers); ours != nil {
		return ours, nil
	}
	return make([]bool, layers), nil
}

// layerWalk looks for a path from the highest layer down.
type layerWalk struct {
	at   string
	read func(string, io.Reader) error

	seen map[string]bool // what a higher layer has, or hides
	any  bool
	done bool   // the path itself is a file
	link string // where it leads, if it is a link
}

const whiteout, opaque = ".wh.", ".wh..wh..opq"

func (w *layerWalk) layer(ctx context.Context, layer v1.Layer) error {
	content, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	defer context.AfterFunc(ctx, func() { _ = content.Close() })()
	var hidden []string
	for archive := tar.NewReader(content); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		name := path.Join("/", h.Name)
		folder, base := path.Split(name)
		switch {
		case base == opaque:
			hidden = append(hidden, path.Clean(folder))
		case strings.HasPrefix(base, whiteout):
			hidden = append(hidden, path.Join(folder, strings.TrimPrefix(base, whiteout)))
		default:
			if err := w.entry(name, h, archive); err != nil || w.done {
				return err
			}
		}
	}
	for _, name := range hidden {
		w.seen[name] = true
	}
	return nil
}

// entry looks at one file of a layer.
func (w *layerWalk) entry(name string, h *tar.Header, content io.Reader) error {
	if name != w.at && !strings.HasPrefix(name, w.at+"/") || w.hides(name) {
		return nil
	}
	if h.Typeflag != tar.TypeDir {
		w.seen[name] = true
	}
	switch {
	case h.Typeflag == tar.TypeSymlink && name == w.at:
		w.link, w.done = h.Linkname, true
	case h.Typeflag == tar.TypeReg:
		w.any, w.done = true, name == w.at
		return w.read(name, content)
	}
	return nil
}

// hides tells whether a higher layer has a path, or has deleted it or a folder of it.
func (w *layerWalk) hides(name string) bool {
	for ; name != "/"; name = path.Dir(name) {
		if w.seen[name] {
			return true
		}
	}
	return false
}
