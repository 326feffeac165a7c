package bake

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/gomodule"
	"github.com/moby/patternmatcher/ignorefile"
)

// LocalInputs are what a build reads from this machine, and what it writes there.
type LocalInputs struct {
	// Folders are the contexts.
	Folders []LocalFolder

	// Files count wherever they are, also where a context leaves them out: the Dockerfile,
	// .dockerignore files, ko's configuration. They need not exist.
	Files []string

	// Written are files and folders that the build itself writes.
	Written []string
}

// LocalFolder is a context, and the patterns of what is left out of it.
type LocalFolder struct {
	Dir     string
	Ignored []string
}

// dockerignore is the file in a context with the patterns of what is left out.
const dockerignore = ".dockerignore"

// LocalInputs are those of the request as they are now. The error says that what is built, or
// its Dockerfile, is no folder or file of this machine.
func (r *Request) LocalInputs(env Environment) (LocalInputs, error) {
	var in LocalInputs
	var err error
	switch from := r.source.(type) {
	case dockerfile:
		err = from.local(&in)
	case goModule:
		err = from.local(&in, env)
	default:
		err = errors.New("an image of a registry has no files here that change")
	}
	if err != nil {
		return in, err
	}
	for _, arg := range r.contexts {
		if err := in.named(arg); err != nil {
			return in, err
		}
	}
	for _, o := range r.outputs {
		for _, img := range r.images {
			if dest := o.destination(img, len(r.images) > 1); dest != "" && dest != "-" {
				in.Written = append(in.Written, dest)
			}
		}
	}
	for _, c := range r.cacheTo {
		if dest := c.Attrs["dest"]; dest != "" {
			in.Written = append(in.Written, dest)
		}
	}
	return in, nil
}

// local adds the context and the Dockerfile.
func (d dockerfile) local(in *LocalInputs) error {
	switch {
	case d.context == "-" || d.file == "-":
		return errors.New("stdin is read once: name a folder for the context, and a file for the Dockerfile")
	case isRemote(d.context) && !IsFolder(d.context):
		return fmt.Errorf("the context %q is not on this machine: name a folder", d.context)
	case !IsFolder(d.context):
		return noContext(d.context)
	}
	file := cmp.Or(d.file, filepath.Join(d.context, "Dockerfile"))
	file = filepath.Join(filepath.Dir(file), lowercase(filepath.Dir(file), filepath.Base(file)))
	return in.folder(d.context, file, file+dockerignore)
}

// local adds the folders of the module.
func (g goModule) local(in *LocalInputs, env Environment) error {
	for i, f := range g.module.Folders {
		if i > 0 {
			if err := in.folder(f.Dir); err != nil {
				return err
			}
			continue
		}
		patterns, err := ignorefile.ReadAll(strings.NewReader(g.files[moduleDockerfile+dockerignore]))
		if err != nil {
			return fmt.Errorf("reading what the build context leaves out: %w", err)
		}
		in.Folders = append(in.Folders, LocalFolder{Dir: f.Dir, Ignored: patterns})
		in.Files = append(in.Files, filepath.Join(f.Dir, dockerignore))
	}
	in.Files = append(in.Files, gomodule.ConfigFiles(env.Lookup, ".", g.module.Root)...)
	return nil
}

// folder adds a context whose .dockerignore counts where no other file does. All of others are
// files that count.
func (in *LocalInputs) folder(dir string, others ...string) error {
	files := slices.Concat(others, []string{filepath.Join(dir, dockerignore)})
	in.Files = append(in.Files, files...)
	f := LocalFolder{Dir: dir}
	for _, file := range files {
		if !strings.HasSuffix(file, dockerignore) {
			continue
		}
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			f.Ignored, err = ignorefile.ReadAll(bytes.NewReader(text))
		}
		if err != nil {
			return fmt.Errorf("reading what the build context leaves out: %w", err)
		}
		break
	}
	in.Folders = append(in.Folders, f)
	return nil
}

// named adds the named context of NAME=VALUE, if that is on this machine.
func (in *LocalInputs) named(arg string) error {
	_, value, err := parseNamedContext(arg)
	switch {
	case err != nil:
		return err
	case isRemote(value):
		return nil
	case strings.HasPrefix(value, ociLayoutScheme):
		layout, err := parseOCILayout(value)
		in.Files = append(in.Files, filepath.Join(layout.path, "index.json"))
		return err
	case IsFolder(value):
		return in.folder(value)
	}
	return nil
}
