package shim

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Modes and time of everything captured, whoever compiled and whenever: layers
// made of it must not differ without need.
const (
	fileMode = 0o644
	dirMode  = 0o755
)

var epoch = time.Unix(0, 0)

// copiers is how many files are copied at a time.
const copiers = 8

// source is a file to capture: the path that the debug information names, and
// where its content lies, which differs with -overlay.
type source struct {
	path    string
	content string
}

// captureSources copies files below root at their absolute paths. All that can
// be copied is; the error tells the first failure. Calls may run at once: each
// file appears whole or not at all. What made has copied is only moved.
func captureSources(root string, sources []source, made *ahead) error {
	folders := foldersOf(root, sources)
	for _, dir := range folders {
		if err := os.MkdirAll(dir, dirMode); err != nil {
			return fmt.Errorf("making a folder for sources: %w", err)
		}
	}
	queue := make(chan source)
	failures := make([]error, copiers)
	var copying sync.WaitGroup
	for i := range copiers {
		copying.Go(func() {
			for s := range queue {
				target := filepath.Join(root, s.path)
				if made.place(target, s.content) {
					continue
				}
				if err := captureFile(target, s.content); err != nil && failures[i] == nil {
					failures[i] = err
				}
			}
		})
	}
	for _, s := range sources {
		queue <- s
	}
	close(queue)
	copying.Wait()
	for _, err := range slices.Concat(failures, []error{settle(folders...)}) {
		if err != nil {
			return fmt.Errorf("capturing sources: %w", err)
		}
	}
	return nil
}

// foldersOf lists root and the folders below it that sources need, once each,
// parents first.
func foldersOf(root string, sources []source) []string {
	var folders []string
	seen := make(map[string]bool)
	var add func(dir string)
	add = func(dir string) {
		if seen[dir] {
			return
		}
		seen[dir] = true
		if dir != root {
			add(filepath.Dir(dir))
		}
		folders = append(folders, dir)
	}
	add(root)
	for _, s := range sources {
		add(filepath.Dir(filepath.Join(root, s.path)))
	}
	return folders
}

func captureFile(target, content string) error {
	data, err := os.ReadFile(content)
	if err != nil {
		return err
	}
	// An earlier call of the step has it, as a rule: programs share packages.
	if info, err := os.Lstat(target); err == nil && info.Size() == int64(len(data)) {
		if captured, err := os.ReadFile(target); err == nil && bytes.Equal(captured, data) {
			return nil
		}
	}
	return writeWhole(target, data)
}

// writeWhole writes a file under another name and renames it.
func writeWhole(target string, data []byte) error {
	name, err := writeTemp(filepath.Dir(target), data)
	if err != nil {
		return err
	}
	if err = os.Rename(name, target); err != nil {
		_ = os.Remove(name)
	}
	return err
}

// writeTemp writes a file of some name in a folder, with the mode and time of what is
// captured.
func writeTemp(dir string, data []byte) (name string, err error) {
	f, err := os.CreateTemp(dir, ".dlvgen-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(fileMode), f.Close(), os.Chtimes(f.Name(), epoch, epoch))
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return f.Name(), err
}

// settle gives folders their mode and time, last of all: every file made in one
// moves its time. A folder that another user's call made is that call's to
// settle.
func settle(folders ...string) error {
	for _, dir := range folders {
		err := errors.Join(os.Chmod(dir, dirMode), os.Chtimes(dir, epoch, epoch))
		if err != nil && !errors.Is(err, os.ErrPermission) {
			return err
		}
	}
	return nil
}
