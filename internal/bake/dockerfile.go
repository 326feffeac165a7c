package bake

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/moby/buildkit/util/archiveutil"
	"github.com/moby/buildkit/util/gitutil"
)

// archiveHeader is how much of stdin is read to tell an archive from a Dockerfile:
// two blocks of a tar file.
const archiveHeader = 1024

// dockerfile is a Dockerfile with its context, which are found as buildx does in
// build/opt.go (loadInputs) of v0.38.2.
type dockerfile struct {
	context string // a folder, a URL, or "-"
	file    string // "-" for stdin, "" for that of the context
}

// load implements [source].
func (d dockerfile) load(in *inputs, stdin io.Reader) (production.Source, error) {
	var err error
	switch {
	case d.context == "-" && d.file == "-":
		err = errors.New("the context and the Dockerfile are both -: only one of them can come from stdin")
	case d.context == "-":
		err = in.stdinContext(d.file, stdin)
	case IsFolder(d.context):
		err = in.localContext(d.context, d.file, stdin)
	case isRemote(d.context):
		err = in.remoteContext(d.context, d.file, stdin)
	default:
		err = noContext(d.context)
	}
	return production.Dockerfile{}, err
}

func (in *inputs) localContext(dir, file string, stdin io.Reader) error {
	if err := in.mount("context", dir); err != nil {
		return err
	}
	in.sharedKey = baseName(dir)
	if file == "-" {
		return in.stdinDockerfile(stdin)
	}
	if file == "" && !hasDockerfile(dir) {
		return noDockerfile(dir)
	}
	file = cmp.Or(file, filepath.Join(dir, "Dockerfile"))
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
	}
	// Relative to the remote context, from which the frontend reads it.
	in.attrs["filename"] = inContext(cmp.Or(file, "Dockerfile"), os.PathSeparator)
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
	archive := archiveutil.IsArchive(head)
	if !archive && file != "" {
		return errors.New("stdin is no archive, and -f names a Dockerfile: pipe a tar file of the context, or leave one of them out")
	}
	dir, err := in.tempDir()
	if err != nil {
		return err
	}
	if !archive {
		if err := in.mount("context", dir); err != nil {
			return err
		}
		return in.stdinDockerfile(r)
	}
	in.archive = filepath.Join(dir, "context.tar")
	in.attrs["filename"] = inContext(cmp.Or(file, "Dockerfile"), os.PathSeparator)
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
		return &MissingError{What: "no Dockerfile at " + filepath.Join(dir, name), hint: "name it with -f"}
	}
	in.attrs["filename"] = name
	return in.mount("dockerfile", dir)
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
	entries, _ := os.ReadDir(dir) // none where that fails, which the build will tell
	has := func(name string) bool {
		return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == name })
	}
	if !has("Dockerfile") && has("dockerfile") {
		return "dockerfile"
	}
	return name
}

// MissingError says that there is no Dockerfile, or no context, where the user says.
type MissingError struct {
	// What is missing, and where.
	What string

	hint string // what to do about it on the command line
}

func (e *MissingError) Error() string { return e.What + ": " + e.hint }
