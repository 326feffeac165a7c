package gomodule

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// kodataDir is the folder whose files the image gets, which need not exist.
func (m *Module) kodataDir() string { return filepath.Join(m.Package, "kodata") }

func (m *Module) hasKodata() bool { return isFolder(m.kodataDir()) }

// CopyKodata copies the files of kodata into an empty folder as an image gets them: links
// are followed, as long as they stay in the git work tree or else in the module, and no file
// has a time, which a web server would send. It tells whether there are any.
func (m *Module) CopyKodata(to string) (bool, error) {
	if !m.hasKodata() {
		return false, nil
	}
	in := m.Root
	if tree := worktree(m.Root); tree != "" {
		in = tree
	}
	root, err := filepath.EvalSymlinks(in)
	if err != nil {
		return false, fmt.Errorf("reading kodata: %w", err)
	}
	from, err := filepath.EvalSymlinks(m.kodataDir())
	if err != nil {
		return false, fmt.Errorf("reading kodata: %w", err)
	}
	return true, kodataCopy{root: root}.folder(from, to, nil)
}

// kodataCopy is a copy of files that lie in root.
type kodataCopy struct{ root string }

// folder copies what a folder has. above are the folders around it, in which a link to
// one of them would lead in circles.
func (c kodataCopy) folder(from, to string, above []string) error {
	for _, dir := range above {
		if dir == from {
			return fmt.Errorf("kodata has a link to %s, which is around it: remove the link", from)
		}
	}
	above = append(above[:len(above):len(above)], from)
	entries, err := os.ReadDir(from)
	if err != nil {
		return fmt.Errorf("reading kodata: %w", err)
	}
	for _, e := range entries {
		name := filepath.Join(from, e.Name())
		real, err := filepath.EvalSymlinks(name)
		if err != nil {
			return fmt.Errorf("reading kodata: %w", err)
		}
		if !within(real, c.root) {
			return fmt.Errorf("%s leads to %s, which is outside of %s: copy the file to kodata", name, real, c.root)
		}
		if err := c.entry(real, filepath.Join(to, e.Name()), above); err != nil {
			return err
		}
	}
	return setTime(to)
}

// entry copies a file, or a folder with what it has.
func (c kodataCopy) entry(from, to string, above []string) error {
	info, err := os.Stat(from)
	if err != nil {
		return fmt.Errorf("reading kodata: %w", err)
	}
	switch {
	case info.IsDir():
		if err := os.Mkdir(to, 0o755); err != nil {
			return fmt.Errorf("copying kodata: %w", err)
		}
		return c.folder(from, to, above)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no file that an image can have: remove it from kodata", from)
	}
	if err := copyFile(from, to); err != nil {
		return fmt.Errorf("copying kodata: %w", err)
	}
	return setTime(to)
}

func setTime(name string) error {
	none := time.Unix(0, 0)
	if err := os.Chtimes(name, none, none); err != nil {
		return fmt.Errorf("copying kodata: %w", err)
	}
	return nil
}

func copyFile(from, to string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Close())
}

// worktree is the folder of the git work tree around a folder, "" for none.
func worktree(dir string) string {
	for {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}
