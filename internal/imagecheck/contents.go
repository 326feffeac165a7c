package imagecheck

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Images are pushed by anybody. These are more than any has that is meant well.
const (
	maxFile    = 4 << 30       // of a program
	maxEntries = 4_000_000     // of files
	maxHidden  = 2_000_000_000 // of files that are looked at for what later layers hide
)

var errTooMany = errors.New("it has more files than any image")

// dlvgenComment is that of the history of the layers that dlvgen adds.
const dlvgenComment = "dlvgen"

// entry is a file of a layer.
type entry struct {
	path string // absolute
	ours bool   // in a layer that dlvgen added
}

// contents are the files of an image.
type contents struct {
	// layers has all files of all layers, also those that later ones hide; there has those
	// that a container sees.
	layers []entry
	there  map[string]bool

	// files are those that were asked for, by their paths in the image.
	files map[string]string
	dir   string

	entries, looked int
}

// read reads all layers, and keeps some files in dir.
func read(img v1.Image, config *v1.ConfigFile, dir string, kept ...string) (*contents, error) {
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	c := &contents{there: map[string]bool{}, files: map[string]string{}, dir: dir}
	ours := addedLayers(config, len(layers))
	for i, layer := range layers {
		r, err := layer.Uncompressed()
		if err != nil {
			return nil, err
		}
		err = c.readLayer(tar.NewReader(r), ours[i], kept)
		if err := errors.Join(err, r.Close()); err != nil {
			return nil, fmt.Errorf("reading layer %d of %d: %w", i+1, len(layers), err)
		}
	}
	return c, nil
}

// addedLayers says by the history which layers dlvgen added, in the order of the layers.
func addedLayers(config *v1.ConfigFile, layers int) []bool {
	var ours []bool
	for _, h := range config.History {
		if !h.EmptyLayer {
			ours = append(ours, h.Comment == dlvgenComment)
		}
	}
	if len(ours) != layers { // nothing is known of them, so all of them are to be clean
		ours = slices.Repeat([]bool{true}, layers)
	}
	return ours
}

const whiteout, opaque = ".wh.", ".wh..wh..opq"

func (c *contents) readLayer(files *tar.Reader, ours bool, kept []string) error {
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if c.entries++; c.entries > maxEntries || c.looked > maxHidden {
			return errTooMany
		}
		name := path.Join("/", header.Name)
		folder, base := path.Split(name)
		switch {
		case base == opaque:
			c.hide(path.Clean(folder), false)
			continue
		case strings.HasPrefix(base, whiteout):
			c.hide(path.Join(folder, strings.TrimPrefix(base, whiteout)), true)
			continue
		case header.Typeflag == tar.TypeDir:
			continue
		}
		c.layers = append(c.layers, entry{name, ours})
		c.there[name] = true
		delete(c.files, name)
		if header.Typeflag == tar.TypeReg && slices.Contains(kept, name) {
			if err := c.keep(name, slices.Index(kept, name), files); err != nil {
				return err
			}
		}
	}
}

// hide removes what is below a path, and the path itself.
func (c *contents) hide(name string, itself bool) {
	c.looked += len(c.there)
	for there := range c.there {
		if itself && there == name || strings.HasPrefix(there, strings.TrimSuffix(name, "/")+"/") {
			delete(c.there, there)
			delete(c.files, there)
		}
	}
}

// keep writes a file, over an earlier one of that path.
func (c *contents) keep(name string, i int, r io.Reader) error {
	file := filepath.Join(c.dir, strconv.Itoa(i))
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(r, maxFile))
	if err == nil && n == maxFile {
		err = fmt.Errorf("%s is too large for a program", name)
	}
	c.files[name] = file
	return errors.Join(err, f.Close())
}

func sumOf(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
