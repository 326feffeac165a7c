package bake

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"
	"github.com/moby/buildkit/session/upload/uploadprovider"
	"github.com/moby/buildkit/util/gitutil"
	"github.com/tonistiigi/fsutil"
)

// source is what production is made from, as the command line names it. Another kind of
// source is one more implementation of this and of [production.Source].
type source interface {
	// load adds to the inputs what the source reads, and returns how the frontend reads it.
	load(in *inputs, stdin io.Reader) (production.Source, error)
}

// inputs are the contexts of a build and what production is made from. They are read once
// and used by the build of each image.
type inputs struct {
	production production.Source

	// attrs are the frontend options that name the inputs.
	attrs map[string]string

	// attrsOfProduction are those that the production image has instead.
	attrsOfProduction map[string]string

	// mounts are the local folders that the session sends, by name.
	mounts map[string]fsutil.FS

	// stores are the OCI layouts that the session sends, by name.
	stores map[string]content.Store

	// archive is a context that came from stdin, a file of ours, "" where it did not.
	archive string

	// sharedKey tells BuildKit which transfers of a folder resemble each other.
	sharedKey string

	// sshContext says that the context is cloned over SSH.
	sshContext bool

	caps   []string
	remove []string
}

// capContexts is that of frontends which know named contexts.
const capContexts = "moby.buildkit.frontend.contexts+forward"

// loadInputs finds out what the source and the named contexts are. close must be called
// after the last build.
func loadInputs(from source, named []string, stdin io.Reader) (_ *inputs, err error) {
	in := &inputs{
		attrs:  map[string]string{},
		mounts: map[string]fsutil.FS{},
		stores: map[string]content.Store{},
	}
	defer func() {
		if err != nil {
			in.close()
		}
	}()
	if in.production, err = from.load(in, stdin); err != nil {
		return nil, err
	}
	for _, arg := range named {
		if err := in.namedContext(arg); err != nil {
			return nil, err
		}
	}
	if len(in.caps) > 0 {
		slices.Sort(in.caps)
		in.attrs["frontend.caps"] = strings.Join(slices.Compact(in.caps), ",")
	}
	return in, nil
}

// close removes what loadInputs wrote.
func (in *inputs) close() {
	for _, path := range in.remove {
		_ = os.RemoveAll(path)
	}
}

// apply adds the inputs to the options of one build.
func (in *inputs) apply(so *client.SolveOpt) error {
	maps.Copy(so.FrontendAttrs, in.attrs)
	maps.Copy(so.LocalMounts, in.mounts)
	so.OCIStores = in.stores
	so.SharedKey = in.sharedKey
	if in.archive == "" {
		return nil
	}
	f, err := os.Open(in.archive)
	if err != nil {
		return fmt.Errorf("opening the context from stdin: %w", err)
	}
	// A provider hands each archive out once and closes it then.
	up := uploadprovider.New()
	so.FrontendAttrs["context"] = up.Add(f)
	so.Session = append(so.Session, up)
	return nil
}

// namedContext adds the context that NAME=VALUE names.
func (in *inputs) namedContext(arg string) error {
	name, value, err := parseNamedContext(arg)
	if err != nil {
		return err
	}
	in.caps = append(in.caps, capContexts)
	key := "context:" + name
	switch {
	case isRemote(value):
		if ref, err := gitutil.ParseURL(value); err == nil && len(ref.Query) > 0 {
			in.caps = append(in.caps, "moby.buildkit.frontend.gitquerystring+forward")
		}
		in.attrs[key] = value
	case strings.HasPrefix(value, "docker-image://"):
		in.attrs[key] = value
	case strings.HasPrefix(value, ociLayoutScheme):
		ref, store, err := openOCILayout(value)
		if err != nil {
			return err
		}
		in.attrs[key] = ref.String()
		in.stores[ref.path] = store
	case IsFolder(value):
		return in.namedFolder(name, value)
	default:
		return fmt.Errorf("--build-context is %q: %q is neither a folder nor a URL, docker-image:// or oci-layout://", arg, value)
	}
	return nil
}

// namedFolder adds a folder of this machine as the context of that name.
func (in *inputs) namedFolder(name, dir string) error {
	local := name
	if name == "context" || name == "dockerfile" {
		local = "_" + name // those names are taken
	}
	in.attrs["context:"+name] = "local:" + local
	in.attrs["sharedkey:localdir:"+name] = baseName(dir)
	return in.mount(local, dir)
}

func (in *inputs) mount(name, dir string) error {
	tree, err := fsutil.NewFS(dir)
	if err != nil {
		return fmt.Errorf("opening %s: %w", dir, err)
	}
	in.mounts[name] = tree
	return nil
}

func (in *inputs) tempDir() (string, error) {
	dir, err := os.MkdirTemp("", "dlvgen-")
	if err != nil {
		return "", fmt.Errorf("creating a folder for stdin: %w", err)
	}
	in.remove = append(in.remove, dir)
	return dir, nil
}

func writeFile(path string, r io.Reader) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("storing stdin: %w", err)
	}
	_, err = io.Copy(f, r)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("storing stdin: %w", err)
	}
	return nil
}

// IsFolder tells whether a context is a folder of this machine.
func IsFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isRemote(s string) bool {
	if strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://") {
		return true
	}
	_, ok, _ := dfgitutil.ParseGitRef(s)
	return ok
}

func baseName(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return filepath.Base(dir)
}
