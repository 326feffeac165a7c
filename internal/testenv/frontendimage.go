package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/toolstree"
	"github.com/dlvgen/dlvgen/variants/delve"
)

// frontendName is where the frontend image is served, without the registry's host.
// "dlvgen/dlvgen:test" alone resolves to it too in a BuildKit of this package.
const frontendName = "dlvgen/dlvgen:test"

// frontendLabels are those of the repository's Dockerfile.
var frontendLabels = map[string]string{
	"moby.buildkit.frontend.network.none": "true",
	"moby.buildkit.frontend.caps":         "moby.buildkit.frontend.inputs,moby.buildkit.frontend.subrequests,moby.buildkit.frontend.contexts,moby.buildkit.frontend.gitquerystring,moby.buildkit.frontend.contexts.zstd",
}

// FrontendImage is the reference of the gateway frontend's image in the shared
// registry, made of the sources as they are: what BUILDKIT_SYNTAX takes.
func FrontendImage(t testing.TB) string {
	t.Helper()
	reg := SharedRegistry(t)
	return take(t, &shared.frontend, func(ctx context.Context) (string, func() error, error) {
		ref, err := reg.PushFrontendImage(ctx)
		return ref, func() error { return nil }, err
	})
}

// PushFrontendImage compiles the frontend and the tools for this machine's
// platform and pushes the image that the repository's Dockerfile describes. It
// returns the reference by tag.
func (r *Registry) PushFrontendImage(ctx context.Context) (_ string, err error) {
	root, err := RepoRoot()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "dlvgen-frontend-*")
	if err != nil {
		return "", fmt.Errorf("making the frontend image: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	tree := filepath.Join(root, "internal", "tools", "tree")
	platform := toolstree.Platform{OS: "linux", Arch: runtime.GOARCH}
	if err := toolstree.Build(ctx, toolstree.Options{Repo: root, Dir: tree, Platforms: []toolstree.Platform{platform}}); err != nil {
		return "", err
	}
	program := filepath.Join(dir, "dlvgen-frontend")
	if err := run(ctx, root, []string{"CGO_ENABLED=0"}, "go", slices.Concat(goBuild, []string{"-buildvcs=false", "-o", program, "./cmd/dlvgen-frontend"})...); err != nil {
		return "", fmt.Errorf("making the frontend image: %w", err)
	}
	img, err := frontendImage(program, tree, platform)
	if err != nil {
		return "", err
	}
	if _, err := r.Push(ctx, frontendName, img); err != nil {
		return "", err
	}
	return r.Ref(frontendName), nil
}

// PushFrontendIndex pushes an index of FrontendImage's image and one for another platform,
// which has tools and no program, and returns its reference by tag.
func (r *Registry) PushFrontendIndex(ctx context.Context, own v1.Image, other toolstree.Platform) (string, error) {
	root, err := RepoRoot()
	if err != nil {
		return "", err
	}
	tree := filepath.Join(root, "internal", "tools", "tree")
	if err := toolstree.Build(ctx, toolstree.Options{Repo: root, Dir: tree, Platforms: []toolstree.Platform{other}}); err != nil {
		return "", err
	}
	tools, err := frontendImage("", tree, other)
	if err != nil {
		return "", err
	}
	const image = "dlvgen/dlvgen:index"
	ref, err := name.ParseReference(r.Ref(image), name.Insecure)
	if err != nil {
		return "", fmt.Errorf("pushing %s: %w", image, err)
	}
	index := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: own, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: runtime.GOARCH}}},
		mutate.IndexAddendum{Add: tools, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: other.OS, Architecture: other.Arch}}})
	if err := remote.WriteIndex(ref, index, remote.WithContext(ctx)); err != nil {
		return "", fmt.Errorf("pushing %s: %w", image, err)
	}
	return r.Ref(image), nil
}

// frontendImage has a layer for each Delve, one for the other tools and one for the
// program, if any, as the repository's Dockerfile makes them.
func frontendImage(program, tree string, p toolstree.Platform) (v1.Image, error) {
	platform := layout.Platform(p.OS, p.Arch, "")
	tools, err := readEntries(filepath.Join(tree, platform), path.Join("tools", platform))
	if err != nil {
		return nil, err
	}
	layers := byDelve(tools)
	if program != "" {
		text, err := os.ReadFile(program)
		if err != nil {
			return nil, fmt.Errorf("making the frontend image: %w", err)
		}
		layers = append(layers, []entry{{name: "dlvgen-frontend", mode: 0o755, text: text}})
	}
	img := empty.Image
	for _, entries := range layers {
		l, err := gzipped(entries)
		if err != nil {
			return nil, err
		}
		if img, err = mutate.AppendLayers(img, l); err != nil {
			return nil, fmt.Errorf("making the frontend image: %w", err)
		}
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("making the frontend image: %w", err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = p.OS, p.Arch
	config.Config = v1.Config{Entrypoint: []string{"/dlvgen-frontend"}, Labels: frontendLabels}
	return mutate.ConfigFile(img, config)
}

// byDelve parts the tools: each version of Delve, the oldest first, and the rest.
func byDelve(tools []entry) [][]entry {
	var layers [][]entry
	for _, version := range slices.Backward(delve.Versions()) {
		part := "/" + layout.ToolDelve + "/" + version
		of := func(e entry) bool { return strings.HasSuffix(e.name, part) || strings.Contains(e.name, part+"/") }
		layers = append(layers, slices.DeleteFunc(slices.Clone(tools), func(e entry) bool { return !of(e) }))
		tools = slices.DeleteFunc(slices.Clone(tools), of)
	}
	return append(layers, tools)
}

// gzipped is a layer in memory.
func gzipped(entries []entry) (v1.Layer, error) {
	var tar bytes.Buffer
	if err := writeEntries(&tar, entries); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(tar.Bytes())), nil }
	l, err := tarball.LayerFromOpener(open, tarball.WithCompressionLevel(1))
	if err != nil {
		return nil, fmt.Errorf("making a layer: %w", err)
	}
	return l, nil
}

// readEntries reads the tree below a folder, to stand below prefix.
func readEntries(dir, prefix string) ([]entry, error) {
	var entries []entry
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		e := entry{name: path.Join(prefix, filepath.ToSlash(rel)), mode: 0o755}
		if d.IsDir() {
			e.mode |= fs.ModeDir
		} else if e.text, err = os.ReadFile(file); err != nil {
			return err
		}
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", dir, err)
	}
	return entries, nil
}
