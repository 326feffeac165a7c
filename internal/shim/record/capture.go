package record

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/shim/manifest"
	"github.com/dlvgen/dlvgen/internal/shim/step"
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

// ownFolder is the user's folder in the step's captures: one user of a step cannot write
// to what another made, whatever the umask.
func ownFolder(s step.Step) string { return filepath.Join(s.Capture, userFolder()) }

// sourcesFolder is where the user's sources go. In an output of their own they need not be
// copied into an image's layer, since they are one: so all in it must be root's.
func sourcesFolder(s step.Step) string {
	info, err := os.Stat(s.Sources)
	if err == nil && info.IsDir() && ownerOf(info) == 0 && os.Geteuid() == 0 && os.Getegid() == 0 {
		return s.Sources
	}
	return filepath.Join(ownFolder(s), layout.CaptureSources)
}

func ownerOf(info os.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}

func userFolder() string { return strconv.Itoa(os.Geteuid()) }

// captureSources copies files below root at their absolute paths, and returns those that
// it left out because of where they lie. All others that can be copied are; the error
// tells the first failure. Calls may run at once: each file appears whole or not at all.
// What made has copied is only moved.
func captureSources(root string, sources []source, from origins, made *Recording) (leftOut []manifest.LeftOut, err error) {
	if err := os.MkdirAll(root, dirMode); err != nil {
		return nil, fmt.Errorf("making a folder for sources: %w", err)
	}
	outcomes := make([]error, len(sources))
	places := make(chan struct{}, copiers)
	var copying sync.WaitGroup
	for i := range sources {
		places <- struct{}{}
		copying.Go(func() {
			outcomes[i] = captureFile(root, sources[i], from, made)
			<-places
		})
	}
	copying.Wait()
	var captured []source
	for i, outcome := range outcomes {
		var left *leftOutError
		switch {
		case outcome == nil:
			captured = append(captured, sources[i])
		case errors.As(outcome, &left):
			leftOut = append(leftOut, manifest.LeftOut{Path: sources[i].path, Reason: left.Error()})
		case err == nil:
			err = fmt.Errorf("capturing sources: %w", outcome)
		}
	}
	return leftOut, errors.Join(err, settle(foldersOf(root, captured)...))
}

// foldersOf lists root and the folders below it that sources need, once each,
// parents first.
func foldersOf(root string, sources []source) []string {
	folders := map[string]bool{root: true}
	for _, s := range sources {
		for dir := filepath.Dir(filepath.Join(root, s.path)); !folders[dir]; dir = filepath.Dir(dir) {
			folders[dir] = true
		}
	}
	return slices.Sorted(maps.Keys(folders))
}

func captureFile(root string, s source, from origins, made *Recording) error {
	target := filepath.Join(root, s.path)
	if made.place(target, s.content) {
		return nil
	}
	data, _, err := from.read(s.content)
	if err != nil {
		return err
	}
	// An earlier call of the step has it, as a rule: programs share packages.
	if info, err := os.Lstat(target); err == nil && info.Size() == int64(len(data)) {
		if captured, err := os.ReadFile(target); err == nil && bytes.Equal(captured, data) {
			return nil
		}
	}
	if err := os.MkdirAll(filepath.Dir(target), dirMode); err != nil {
		return err
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
	f, err := os.CreateTemp(dir, layout.TemporaryPrefix+"*")
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
// moves its time.
func settle(folders ...string) error {
	for _, dir := range folders {
		if err := errors.Join(os.Chmod(dir, dirMode), os.Chtimes(dir, epoch, epoch)); err != nil {
			return err
		}
	}
	return nil
}
