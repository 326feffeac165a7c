//go:build !race

// It reads whole layers, which takes long with the detector.

package cli_test

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/imagecheck"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/internal/tools"
	"github.com/dlvgen/dlvgen/internal/version"
	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// forged is a copy of a debug image in which something is another than it was.
type forged struct {
	*testing.T

	layers []forgedLayer
	config *v1.ConfigFile
	plan   *variants.Plan
}

type forgedLayer struct {
	files   []testenv.Entry
	changed bool
	layer   v1.Layer
}

// unpacked is an image whose layers are in the memory, which makes it another one.
func unpacked(t *testing.T, img v1.Image) (v1.Image, [][]testenv.Entry) {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]testenv.Entry
	var again []v1.Layer
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		var files []testenv.Entry
		for e, err := range testenv.Entries(r) {
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, e)
		}
		all, again = append(all, files), append(again, packed(t, files))
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return assembled(t, again, config), all
}

// packed is a layer that is not compressed.
func packed(t *testing.T, files []testenv.Entry) v1.Layer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := *f.Header
		h.Size, h.Format = int64(len(f.Content)), tar.FormatPAX
		err := w.WriteHeader(&h)
		if err == nil {
			_, err = w.Write(f.Content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return static.NewLayer(b.Bytes(), types.OCIUncompressedLayer)
}

// assembled has a config with other layers.
func assembled(t *testing.T, layers []v1.Layer, config *v1.ConfigFile) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	made, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.RootFS = made.RootFS
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// top is the highest layer that has a file, and where in it.
func (f *forged) top(name string) (layer, at int) {
	f.Helper()
	for i, l := range slices.Backward(f.layers) {
		for j, e := range l.files {
			if path.Join("/", e.Name) == name {
				return i, j
			}
		}
	}
	f.Fatalf("no layer has %s", name)
	return 0, 0
}

// edit changes the entry of a file, and removes it where that says so.
func (f *forged) edit(name string, change func(*testenv.Entry) (remove bool)) {
	f.Helper()
	layer, at := f.top(name)
	l := &f.layers[layer]
	l.files, l.changed = slices.Clone(l.files), true
	e := l.files[at]
	h := *e.Header
	e.Header = &h
	if l.files[at] = e; change(&l.files[at]) {
		l.files = slices.Delete(l.files, at, at+1)
	}
}

// content changes what a file has.
func (f *forged) content(name string, content []byte) {
	f.Helper()
	f.edit(name, func(e *testenv.Entry) bool { e.Content = content; return false })
}

// add adds a file to a layer: the lowest is 0, and the highest -1.
func (f *forged) add(layer int, name, content string) {
	if layer < 0 {
		layer += len(f.layers)
	}
	l := &f.layers[layer]
	l.files, l.changed = append(slices.Clone(l.files), testenv.Entry{
		Header: &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, ModTime: time.Unix(0, 0)}, Content: []byte(content),
	}), true
}

// replan changes the plan, in the image too.
func (f *forged) replan(change func(*variants.Plan)) {
	f.Helper()
	change(f.plan)
	dt, err := f.plan.JSON()
	if err != nil {
		f.Fatal(err)
	}
	f.content(layout.Plan, dt)
}

func (f *forged) image() v1.Image {
	f.Helper()
	var layers []v1.Layer
	for _, l := range f.layers {
		if l.changed {
			l.layer = packed(f.T, l.files)
		}
		layers = append(layers, l.layer)
	}
	return assembled(f.T, layers, f.config)
}

// forgery is where lies are made from: a production image and its debug images.
type forgery struct {
	production v1.Image
	images     map[string]v1.Image
	files      map[string][][]testenv.Entry
	pinned     imagecheck.Pinned
}

func newForgery(t *testing.T, production v1.Image, debug map[string]v1.Image) *forgery {
	t.Helper()
	f := &forgery{images: map[string]v1.Image{}, files: map[string][][]testenv.Entry{}}
	f.production, f.files[""] = unpacked(t, production)
	for name, img := range debug {
		f.images[name], f.files[name] = unpacked(t, img)
	}
	set, err := tools.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]func() (string, error){}
	f.pinned = func(tool string) (string, bool, error) { // each is unpacked once
		if sums[tool] == nil {
			sums[tool] = sync.OnceValues(func() (string, error) { sum, _, err := set.Sum(tool); return sum, err })
		}
		sum, err := sums[tool]()
		return sum, true, err
	}
	return f
}

// copy is a variant's image, to be forged.
func (f *forgery) copy(t *testing.T, variant string) *forged {
	t.Helper()
	img := f.images[variant]
	config, err := img.ConfigFile()
	layers, layersErr := img.Layers()
	if err := errors.Join(err, layersErr); err != nil {
		t.Fatal(err)
	}
	made := &forged{T: t, config: config.DeepCopy()}
	for i, l := range layers {
		made.layers = append(made.layers, forgedLayer{files: f.files[variant][i], layer: l})
	}
	layer, at := made.top(layout.Plan)
	if made.plan, err = variants.ParsePlan(made.layers[layer].files[at].Content); err != nil {
		t.Fatal(err)
	}
	return made
}

// file is what a variant's image has, production's where that is empty.
func (f *forgery) file(t *testing.T, variant, name string) []byte {
	t.Helper()
	for _, files := range slices.Backward(f.files[variant]) {
		for _, e := range files {
			if path.Join("/", e.Name) == name {
				return e.Content
			}
		}
	}
	t.Fatalf("%s has no %s", variant, name)
	return nil
}

// theProgram is guarded's, and anything a file of production's.
const (
	theProgram = "/usr/local/bin/server"
	anything   = "/etc/os-release"
)

// dynamic is a program that says to need a dynamic linker.
func dynamic(t *testing.T, program []byte) []byte {
	t.Helper()
	program = bytes.Clone(program)
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_NOTE })
	if i < 0 {
		t.Fatal("the program has no note")
	}
	header := program[binary.LittleEndian.Uint64(program[32:])+uint64(i)*uint64(binary.LittleEndian.Uint16(program[54:])):] // e_phoff, e_phentsize
	binary.LittleEndian.PutUint32(header, uint32(elf.PT_INTERP))
	copy(program[f.Progs[i].Off:], "/lib/ld\x00")
	return program
}

// lie is one change to a variant's image.
type lie struct {
	name, variant string
	check, says   string // what fails, and words of its detail
	tell          func(*forged)
}

// failsOne tells a lie.
func (f *forgery) failsOne(t *testing.T, lie lie) {
	t.Helper()
	made := f.copy(t, lie.variant)
	lie.tell(made)
	checks, err := imagecheck.Image(imagecheck.Input{
		Image: made.image(), Plan: made.plan, Production: f.production, Files: true, Pinned: f.pinned, Version: version.Version(),
	})
	if err != nil {
		t.Fatal(err)
	}
	var got, says []string
	for _, c := range checks {
		if c.Result == imagecheck.Failed {
			got, says = append(got, c.Name), append(says, c.Detail)
		}
	}
	if want := strings.Fields(lie.check); !slices.Equal(got, want) || !strings.Contains(strings.Join(says, "\n"), lie.says) {
		t.Errorf("failed: %q, want %q\n%s", got, lie.check, strings.Join(says, "\n"))
	}
}
