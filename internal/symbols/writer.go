package symbols

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"time"
)

// writer collects the files of a build in its folder.
type writer struct {
	build *Build
	root  *os.Root
	roots map[string]bool
	seen  map[string]bool
	left  int64 // of all sources
}

func newWriter(dir string, about About) (*writer, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	w := &writer{build: &Build{About: about, dir: dir}, root: root, roots: map[string]bool{}, seen: map[string]bool{}, left: maxSources}
	return w, root.Mkdir(sourcesDir, 0o755)
}

func (w *writer) close() { _ = w.root.Close() }

// debug writes the debug information, unless it is there.
func (w *writer) debug(r io.Reader, modified time.Time) error {
	if w.build.Size > 0 {
		return nil
	}
	n, err := w.write(debugFile, r, maxDebug)
	if err != nil {
		return err
	}
	w.build.Size, w.build.modified = n, modified
	return nil
}

// source writes a source, unless it is there.
func (w *writer) source(name, root string, modified time.Time, r io.Reader) error {
	if w.seen[name] {
		return nil
	}
	if err := checkSource(name); err != nil {
		return err
	}
	if len(w.seen) == maxFiles {
		return errTooMuch
	}
	w.seen[name], w.roots[root] = true, true
	name = path.Join(sourcesDir, name)
	if err := w.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	n, err := w.write(name, r, w.left)
	if err != nil {
		return err
	}
	w.left -= n
	// Debuggers warn of sources that are newer than the program.
	return w.root.Chtimes(name, modified, modified)
}

// write writes a new file of at most so many bytes.
func (w *writer) write(name string, r io.Reader, most int64) (n int64, err error) {
	f, err := w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return 0, err
	}
	n, err = io.Copy(f, io.LimitReader(r, most+1))
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil && n > most {
		err = fmt.Errorf("%w: %s", errTooMuch, name)
	}
	return n, err
}

// done is the build that was collected.
func (w *writer) done() (*Build, error) {
	w.build.Sources = slices.Sorted(maps.Keys(w.seen))
	w.build.Roots = slices.Sorted(maps.Keys(w.roots))
	at := w.build.modified
	return w.build, w.root.Chtimes(debugFile, at, at)
}
