package symbols

import (
	"archive/tar"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// These are more than any image has.
const (
	maxDebug   = 4 << 30 // of debug information
	maxSources = 4 << 30 // of all sources
	maxFiles   = 500_000 // of sources
	maxEntries = 4_000_000
)

var errTooMuch = errors.New("it has more than any program")

// FromImage reads the symbols and the sources of a sidecar into a folder, which is to be
// empty, and which the Build needs from then on. The GNU build id in the debug information
// becomes that of the production binary where the host's linker made one of its own for
// each. The error is [ErrNoSymbols], or says what is wrong with the image.
func FromImage(img v1.Image, plan *variants.Plan, dir string) (*Build, error) {
	about, unknown, err := AboutPlan(plan)
	if err != nil {
		return nil, err
	}
	w, err := newWriter(dir, about)
	if err != nil {
		return nil, err
	}
	defer w.close()
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	// From the top: the first file of a path is the one that counts. Nothing that dlvgen
	// adds is deleted by a later layer.
	r := imageReader{writer: w, places: placesOf(plan.Paths)}
	for i, layer := range slices.Backward(layers) {
		if err := r.layer(layer); err != nil {
			return nil, fmt.Errorf("reading layer %d of %d: %w", i+1, len(layers), err)
		}
	}
	if w.build.Size == 0 {
		return nil, fmt.Errorf("the image has no file %s", layout.SymbolsFile)
	}
	if err := w.build.settleID(unknown); err != nil {
		return nil, fmt.Errorf("%s: %w", layout.SymbolsFile, err)
	}
	return w.done()
}

type imageReader struct {
	*writer
	places  places
	entries int
}

func (r *imageReader) layer(layer v1.Layer) error {
	content, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer content.Close()
	for files := tar.NewReader(content); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if r.entries++; r.entries > maxEntries {
			return errTooMuch
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		at := path.Join("/", header.Name)
		if at == layout.SymbolsFile {
			err = r.debug(files, header.ModTime)
		} else if name, root, ok := r.places.name(at); ok {
			err = r.source(name, root, header.ModTime, files)
		}
		if err != nil {
			return err
		}
	}
}

// settleID makes the GNU build id of the debug information the one by which it is looked up,
// or leaves the build without one.
func (b *Build) settleID(unknown bool) (err error) {
	f, err := os.OpenFile(filepath.Join(b.dir, debugFile), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	has, err := gobin.ReadGNUBuildID(f)
	if err != nil {
		return err
	}
	if unknown {
		b.GNU = hex.EncodeToString(has.ID)
		return nil
	}
	want, err := hex.DecodeString(b.GNU)
	switch {
	case err != nil:
		return err
	case len(want) != len(has.ID):
		b.GNU = "" // gdb would not take the file
		return nil
	case bytes.Equal(want, has.ID):
		return nil
	}
	_, err = f.WriteAt(want, has.Offset)
	return err
}
