// Package ownfile writes files that dlvgen makes into the folders of users, and replaces
// none that it did not write.
package ownfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/sys/atomicwriter"
)

// File is one that dlvgen makes, named by -o.
type File struct {
	Path string

	// What it is, for errors: "bake file". Command makes it: "dlvgen bake".
	What, Command string

	// Own says that a text is of such a file.
	Own func(text []byte) bool
}

// Replaceable is an error where the file cannot be written, or is one that dlvgen did not
// write.
func (f File) Replaceable() error {
	info, err := os.Stat(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		dir := filepath.Dir(f.Path)
		if _, err := os.Stat(dir); err != nil {
			return fmt.Errorf("no folder %s for the %s: make it, or choose another file with -o", dir, f.What)
		}
		return nil
	case err != nil:
		return f.wrap(err)
	case !info.Mode().IsRegular(): // reading a pipe would wait
		return fmt.Errorf("%s is not a file: choose another with -o, or leave out -o to write to stdout", f.Path)
	}
	text, err := os.ReadFile(f.Path)
	if err != nil {
		return f.wrap(err)
	}
	if !f.Own(text) {
		return fmt.Errorf("%s was not made by %s: choose another file with -o, or delete it", f.Path, f.Command)
	}
	return nil
}

// Write writes the file, unless it is there as it is. It does not replace a file that
// dlvgen did not write. Whoever reads the file meanwhile has the old one or the new one.
func (f File) Write(text []byte) (changed bool, err error) {
	if err := f.Replaceable(); err != nil {
		return false, err
	}
	path := f.Path
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved // the link stays
	}
	mode := fs.FileMode(0o644) // as other files of a project
	old, err := os.ReadFile(path)
	switch {
	case os.IsNotExist(err):
		if _, err := os.Lstat(path); err == nil { // a link to no file yet
			err := os.WriteFile(path, text, mode)
			return err == nil, f.wrap(err)
		}
	case err != nil:
		return false, f.wrap(err)
	case bytes.Equal(old, text):
		return false, nil
	default:
		info, err := os.Stat(path)
		if err != nil {
			return false, f.wrap(err)
		}
		mode = info.Mode().Perm()
	}
	err = atomicwriter.WriteFile(path, text, mode)
	return err == nil, f.wrap(err)
}

func (f File) wrap(err error) error {
	if err != nil {
		return fmt.Errorf("writing the %s: %w", f.What, err)
	}
	return nil
}
