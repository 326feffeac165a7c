// Package watch tells when the files change that a build reads, runs what is to be done with the
// image then, and leads clients of a debugger to the program that runs now.
package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// Inputs are what is watched.
type Inputs struct {
	// Folders are watched with all below them.
	Folders []Folder

	// Files count wherever they are, also where a folder leaves them out. They need not exist.
	Files []string

	// Written are files and folders that never count: a build writes them.
	Written []string
}

// Folder is a folder, and the patterns of a .dockerignore file: what they match does not count,
// and folders are not watched in which nothing counts.
type Folder struct {
	Dir     string
	Ignored []string
}

// Watcher tells of changes.
type Watcher struct {
	events  *fsnotify.Watcher
	trees   []*tree
	named   []string               // the files that count wherever they are
	files   map[string]fs.FileInfo // as they were seen last, nil for one that does not exist
	written []string
	changes chan []string
}

// Open looks at everything, and begins to watch: what changes after it is told by [Watcher.Run].
func Open(in Inputs) (_ *Watcher, err error) {
	w := &Watcher{files: map[string]fs.FileInfo{}, changes: make(chan []string)}
	if w.events, err = fsnotify.NewWatcher(); err != nil {
		return nil, explainInstances(err)
	}
	defer func() {
		if err != nil {
			_ = w.events.Close()
		}
	}()
	for _, name := range in.Written {
		if name, err = canonical(name); err != nil {
			return nil, err
		}
		w.written = append(w.written, name)
	}
	for _, f := range in.Folders {
		dir, err := filepath.EvalSymlinks(f.Dir)
		if err == nil {
			dir, err = filepath.Abs(dir)
		}
		if err != nil {
			return nil, fmt.Errorf("watching %s: %w", f.Dir, err)
		}
		t, err := newTree(dir, f.Ignored, w)
		if err != nil {
			return nil, err
		}
		w.trees = append(w.trees, t)
	}
	return w, w.watchFiles(in.Files)
}

// canonical is the absolute path of a file, which need not exist, in its folder without symbolic
// links: the system tells of a folder under one name.
func canonical(name string) (string, error) {
	name, err := filepath.Abs(name)
	if err != nil {
		return "", fmt.Errorf("watching files: %w", err)
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(name)); err == nil {
		name = filepath.Join(dir, filepath.Base(name))
	}
	return name, nil
}

// watchFiles watches the folders of files, and of what they link to.
func (w *Watcher) watchFiles(names []string) error {
	for _, name := range names {
		name, err := canonical(name)
		if err != nil {
			return err
		}
		both := []string{name}
		if target, err := filepath.EvalSymlinks(name); err == nil && target != name {
			both = append(both, target)
		}
		for _, one := range both {
			w.named = append(w.named, one)
			w.files[one], _ = os.Lstat(one)
			if err := w.add(filepath.Dir(one)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// add implements [folders].
func (w *Watcher) add(dir string) error {
	if err := w.events.Add(dir); err != nil {
		return explainWatches(dir, err)
	}
	return nil
}

// remove implements [folders].
func (w *Watcher) remove(dir string) {
	_ = w.events.Remove(dir) // what is gone is not watched any more
}

// Changes has the names of what has changed, each time that something has.
func (w *Watcher) Changes() <-chan []string { return w.changes }

// Run tells of changes until the context ends, and closes the watcher.
func (w *Watcher) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	hints := make(chan hint)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.hints(ctx, hints); err != nil {
			stop(err)
		}
	}()
	err := gather(ctx, hints, func(b batch) error { return w.take(ctx, b) })
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	stop(nil)
	_ = w.events.Close()
	<-done
	return err
}

// hints passes on what the system tells of files that count.
func (w *Watcher) hints(ctx context.Context, hints chan<- hint) error {
	for {
		var h hint
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.events.Events:
			if !ok {
				return nil
			}
			if h = (hint{e.Name, e.Has(fsnotify.Write)}); h.path == "" || !w.counts(h.path) {
				continue
			}
		case err, ok := <-w.events.Errors:
			switch {
			case !ok:
				return nil
			case errors.Is(err, fsnotify.ErrEventOverflow):
				h = hint{}
			case err == nil || errors.Is(err, syscall.EINVAL): // a watch that ended by itself
				continue
			default:
				return fmt.Errorf("watching files: %w", err)
			}
		}
		select {
		case hints <- h:
		case <-ctx.Done():
			return nil
		}
	}
}

// counts says that a change there may matter.
func (w *Watcher) counts(name string) bool {
	if w.isWritten(name) {
		return false
	}
	if slices.Contains(w.named, name) {
		return true
	}
	return slices.ContainsFunc(w.trees, func(t *tree) bool {
		_, counts := t.rel(name)
		return counts
	})
}

// isWritten says that a build writes a file.
func (w *Watcher) isWritten(name string) bool {
	return slices.ContainsFunc(w.written, func(one string) bool {
		return name == one || strings.HasPrefix(name, one+string(filepath.Separator))
	})
}

// take looks where hints say, and tells what has changed.
func (w *Watcher) take(ctx context.Context, b batch) error {
	changed := map[string]bool{}
	if _, lost := b[""]; lost {
		if err := w.lookAgain(changed); err != nil {
			return err
		}
	}
	// What is gone first: a folder may have been moved from there to where others say.
	for _, gone := range []bool{true, false} {
		for _, name := range slices.Sorted(maps.Keys(b)) {
			if name == "" {
				continue
			}
			if err := w.look(name, b[name], gone, changed); err != nil {
				return err
			}
		}
	}
	for _, t := range w.trees {
		if err := t.watchAgain(); err != nil {
			return err
		}
	}
	if len(changed) == 0 {
		return nil
	}
	select {
	case w.changes <- slices.Sorted(maps.Keys(changed)):
	case <-ctx.Done():
	}
	return nil
}

// look compares one path in all folders that have it, if it is gone or if it is there.
func (w *Watcher) look(name string, written, gone bool, changed map[string]bool) error {
	_, err := os.Lstat(name)
	if gone != (err != nil) {
		return nil
	}
	if before, is := w.files[name]; is {
		now, _ := os.Lstat(name)
		w.files[name] = now
		if (before == nil) != (now == nil) || now != nil && (written || !same(before, now)) {
			changed[name] = true
		}
	}
	for _, t := range w.trees {
		if rel, counts := t.rel(name); counts {
			if err := t.look(rel, written, w.noting(t, changed)); err != nil {
				return err
			}
		}
	}
	return nil
}

// noting notes changes of a tree by their names in it.
func (w *Watcher) noting(t *tree, changed map[string]bool) func(string) {
	return func(rel string) {
		name := filepath.Join(t.dir, rel)
		if w.isWritten(name) {
			return
		}
		delete(changed, name) // that is a file too
		changed[filepath.FromSlash(rel)] = true
	}
}

// lookAgain compares everything.
func (w *Watcher) lookAgain(changed map[string]bool) error {
	for _, t := range w.trees {
		if err := t.lookAgain(w.noting(t, changed)); err != nil {
			return err
		}
	}
	for _, name := range w.named {
		for _, gone := range []bool{true, false} {
			if err := w.look(name, false, gone, changed); err != nil {
				return err
			}
		}
	}
	return nil
}
