package imagecheck

import (
	"archive/tar"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// contents are the files of an image.
type contents struct {
	plan   *variants.Plan
	config *v1.ConfigFile
	reader *reader

	// all are the layers, read what was read of them. The lowest, as many as shared, are
	// production's too. They are read when something needs them: base is 0 then.
	all    []v1.Layer
	read   []*layer
	shared int
	base   int

	tree *tree

	// production is set where all files are compared with it.
	production *contents

	// debug is the debug information of the program, where that is the plan's.
	debug *debugInfo

	// blamed are paths that a check has failed for: no other does.
	blamed map[string]bool
}

// read reads the layers of an image that production has not, and those of production that
// the image has not.
func read(in Input, dir string) (*contents, error) {
	r := &reader{dir: dir, programs: in.Files, kept: map[string]bool{programOf(in.Plan): true, layout.Delve: true}}
	c, err := open(in.Image, r, in.Plan)
	if err != nil {
		return nil, err
	}
	if in.Production != nil {
		production, err := open(in.Production, r, in.Plan)
		if err != nil {
			return nil, fmt.Errorf("production: %w", err)
		}
		if c.shared, err = sharedLayers(c.all, production.all); err != nil {
			return nil, err
		}
		c.base = c.shared
		if in.Files {
			production.base, c.production = c.base, production
			r.kept[in.Plan.Program.File] = in.Plan.Request.Variant.Kind == variants.KindSidecar || r.kept[in.Plan.Program.File]
			if err := production.readLayers(production.base, len(production.all)); err != nil {
				return nil, fmt.Errorf("production: %w", err)
			}
		}
	}
	return c, c.readLayers(c.base, len(c.all))
}

func open(img v1.Image, r *reader, plan *variants.Plan) (*contents, error) {
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	if len(config.RootFS.DiffIDs) != len(layers) {
		return nil, fmt.Errorf("it has %d layers, and its config says %d", len(layers), len(config.RootFS.DiffIDs))
	}
	return &contents{plan: plan, config: config, reader: r, all: layers, read: make([]*layer, len(layers)), blamed: map[string]bool{}}, nil
}

// readLayers reads layers, and puts what was read on each other.
func (c *contents) readLayers(from, to int) error {
	ours := addedLayers(c.config, len(c.all))
	for i := from; i < to; i++ {
		read, err := c.reader.read(c.all[i], c.config.RootFS.DiffIDs[i])
		if err != nil {
			return fmt.Errorf("reading layer %d of %d: %w", i+1, len(c.all), err)
		}
		read.ours = ours[i]
		c.read[i] = read
	}
	c.tree = flatten(c.read[from:])
	return nil
}

// readBase reads the layers that production has too, for both.
func (c *contents) readBase() error {
	n := c.base
	if n == 0 {
		return nil
	}
	c.base, c.reader.programs = 0, false // its programs are the same in both
	if err := c.readLayers(0, n); err != nil {
		return err
	}
	if p := c.production; p != nil {
		p.base = 0
		copy(p.read, c.read[:n])
		p.tree = flatten(p.read)
	}
	return nil
}

// keptFile is a copy of a file that was asked for, empty where the image has none.
func (c *contents) keptFile(path string) (string, error) {
	f := c.tree.fileAt(path)
	if f == nil && c.base > 0 {
		if err := c.readBase(); err != nil {
			return "", err
		}
		f = c.tree.fileAt(path)
	}
	if f == nil {
		return "", nil
	}
	return f.kept, nil
}

// added are the files of the layers that dlvgen added, also those that later ones hide. Where
// production was read, what only the image has is among them, whoever added it.
func (c *contents) added() []addedFile {
	inProduction := map[string]bool{}
	if c.production != nil {
		for _, l := range c.production.read {
			for _, f := range l.paths() {
				inProduction[f.path] = true
			}
		}
	}
	var list []addedFile
	for i, l := range c.read {
		for _, f := range l.paths() {
			hidden := c.production != nil && i >= c.shared && !inProduction[f.path] && c.plan.Announces(f.path, f.kind == tar.TypeDir) != variants.AnnouncedCache
			if l.ours || hidden {
				list = append(list, addedFile{f, l.ours})
			}
		}
	}
	return list
}

// addedFile is a file that production has not, ours of a layer that dlvgen added.
type addedFile struct {
	*file

	ours bool
}

// paths are the files of a layer, none of one that was not read.
func (l *layer) paths() []*file {
	if l == nil {
		return nil
	}
	return l.files
}
