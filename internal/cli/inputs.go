package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/frontend/dockerfile/dfgitutil"
	"github.com/moby/buildkit/session/upload/uploadprovider"
	"github.com/moby/buildkit/util/archiveutil"
	"github.com/moby/buildkit/util/gitutil"
	"github.com/tonistiigi/fsutil"
)

// archiveHeader is how much of stdin is read to tell an archive from a Dockerfile:
// two blocks of a tar file.
const archiveHeader = 1024

// inputs are the contexts and the Dockerfile of a build. They are read once and used
// by the build of each variant.
type inputs struct {
	// attrs are the frontend options that name the inputs.
	attrs map[string]string

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

// loadInputs finds out what the context and the Dockerfile are, as buildx does in
// build/opt.go (loadInputs) of v0.38.2. close must be called after the last build.
func loadInputs(context, file string, named []string, stdin io.Reader) (_ *inputs, err error) {
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
	if context == "-" && file == "-" {
		return nil, errors.New("the context and the Dockerfile are both -: only one of them can come from stdin")
	}
	switch {
	case context == "-":
		err = in.stdinContext(file, stdin)
	case isLocalDir(context):
		err = in.localContext(context, file, stdin)
	case isRemote(context):
		err = in.remoteContext(context, file, stdin)
	default:
		err = fmt.Errorf("the context %q is neither a folder nor a URL: name the folder that the Dockerfile copies from", context)
	}
	if err != nil {
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
	for key, value := range in.attrs {
		so.FrontendAttrs[key] = value
	}
	for name, dir := range in.mounts {
		so.LocalMounts[name] = dir
	}
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

func (in *inputs) localContext(dir, file string, stdin io.Reader) error {
	if err := in.mount("context", dir); err != nil {
		return err
	}
	in.sharedKey = baseName(dir)
	switch file {
	case "-":
		return in.stdinDockerfile(stdin)
	case "":
		return in.dockerfile(dir, lowercase(dir, "Dockerfile"))
	}
	return in.dockerfile(filepath.Dir(file), lowercase(filepath.Dir(file), filepath.Base(file)))
}

func (in *inputs) remoteContext(url, file string, stdin io.Reader) error {
	in.attrs["context"] = url
	if ref, err := gitutil.ParseURL(url); err == nil {
		in.sshContext = ref.Scheme == gitutil.SSHProtocol
		if len(ref.Query) > 0 {
			in.caps = append(in.caps, "moby.buildkit.frontend.gitquerystring")
		}
	}
	switch {
	case file == "-":
		return in.stdinDockerfile(stdin)
	case filepath.IsAbs(file):
		in.attrs["dockerfilekey"] = "dockerfile"
		return in.dockerfile(filepath.Dir(file), filepath.Base(file))
	case file == "":
		file = "Dockerfile"
	}
	// Relative to the remote context, from which the frontend reads it.
	in.attrs["filename"] = inContext(file, os.PathSeparator)
	return nil
}

// stdinContext reads stdin, which is an archive of the context or, without -f, a
// Dockerfile that needs none.
func (in *inputs) stdinContext(file string, stdin io.Reader) error {
	r := bufio.NewReaderSize(stdin, archiveHeader)
	head, err := r.Peek(archiveHeader)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the context from stdin: %w", err)
	}
	if !archiveutil.IsArchive(head) {
		if file != "" {
			return errors.New("stdin is no archive, and -f names a Dockerfile: pipe a tar file of the context, or leave one of them out")
		}
		dir, err := in.tempDir()
		if err != nil {
			return err
		}
		if err := in.mount("context", dir); err != nil {
			return err
		}
		return in.stdinDockerfile(r)
	}
	dir, err := in.tempDir()
	if err != nil {
		return err
	}
	in.archive = filepath.Join(dir, "context.tar")
	in.attrs["filename"] = "Dockerfile"
	if file != "" {
		in.attrs["filename"] = inContext(file, os.PathSeparator)
	}
	return writeFile(in.archive, r)
}

func (in *inputs) stdinDockerfile(stdin io.Reader) error {
	dir, err := in.tempDir()
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, "Dockerfile"), stdin); err != nil {
		return err
	}
	in.attrs["dockerfilekey"] = "dockerfile"
	return in.dockerfile(dir, "Dockerfile")
}

func (in *inputs) dockerfile(dir, name string) error {
	if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("no Dockerfile at %s: name it with -f", filepath.Join(dir, name))
	}
	in.attrs["filename"] = name
	return in.mount("dockerfile", dir)
}

// namedContext adds the context that NAME=VALUE names.
func (in *inputs) namedContext(arg string) error {
	name, value, err := parseNamedContext(arg)
	if err != nil {
		return err
	}
	in.caps = append(in.caps, "moby.buildkit.frontend.contexts+forward")
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
	case isLocalDir(value):
		local := name
		if name == "context" || name == "dockerfile" {
			local = "_" + name // those names are taken
		}
		in.attrs[key] = "local:" + local
		in.attrs["sharedkey:localdir:"+name] = baseName(value)
		return in.mount(local, value)
	default:
		return fmt.Errorf("--build-context is %q: %q is neither a folder nor a URL, docker-image:// or oci-layout://", arg, value)
	}
	return nil
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

func isLocalDir(path string) bool {
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

// inContext is the path of a file in a context that the builder reads, as the builder
// writes it. separator is that of this machine.
func inContext(file string, separator rune) string {
	return strings.ReplaceAll(file, string(separator), "/")
}

// lowercase is "dockerfile" where the folder has that and no Dockerfile, as docker
// build allows (https://github.com/moby/moby/pull/10858).
func lowercase(dir, name string) string {
	if name != "Dockerfile" {
		return name
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return name
	}
	has := func(name string) bool {
		return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == name })
	}
	if !has("Dockerfile") && has("dockerfile") {
		return "dockerfile"
	}
	return name
}
