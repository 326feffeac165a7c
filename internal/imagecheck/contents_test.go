package imagecheck

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"os"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// tarOf is a layer with files.
func tarOf(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		content := []byte(h.Linkname)
		if h.Typeflag == 0 {
			h.Linkname, h.Size = "", int64(len(content))
		}
		err := w.WriteHeader(&h)
		if err == nil && h.Typeflag == 0 {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readTar(t *testing.T, r *reader, content []byte) (*layer, error) {
	t.Helper()
	l := static.NewLayer(content, types.OCIUncompressedLayer)
	digest, err := l.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return r.read(l, digest)
}

// An image that somebody made to fill the disk or the memory is read no further.
func TestImagesAreReadNoFurtherThanTheyCanBeMeant(t *testing.T) {
	content := tarOf(t, tar.Header{Name: "dlv", Linkname: "dlv"}, tar.Header{Name: "../dlv", Linkname: "dlv"}, tar.Header{Name: "app", Linkname: "app"}, tar.Header{Name: "dev", Typeflag: tar.TypeBlock})
	full := func(r reader) *reader {
		r.dir, r.kept = t.TempDir(), map[string]bool{"/app": true, "/dlv": true}
		return &r
	}
	r := full(reader{})
	if l, err := readTar(t, r, content); err != nil || len(l.files) != 4 {
		t.Fatalf("got %+v, %v", l, err)
	}
	if kept, err := os.ReadDir(r.dir); err != nil || len(kept) != 3 {
		t.Errorf("%d files are kept, %v; want 3", len(kept), err)
	}
	for want, r := range map[error]*reader{
		errTooMany:  full(reader{entries: maxEntries}),
		errTooLarge: full(reader{bytes: maxBytes - 5}),
	} {
		if _, err := readTar(t, r, content); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	if _, err := readTar(t, full(reader{text: maxText}), content); !errors.Is(err, errTooMany) {
		t.Errorf("got %v, want %v", err, errTooMany)
	}
	if _, err := readTar(t, full(reader{keptBytes: maxKept - 8}), content); err == nil || !strings.Contains(err.Error(), "too large for a program") {
		t.Errorf("got %v for files that fill the disk", err)
	}
	if _, err := full(reader{}).read(static.NewLayer(content, types.OCIUncompressedLayer), v1.Hash{Algorithm: "sha256", Hex: "0"}); err == nil || !strings.Contains(err.Error(), "is not that of the config's") {
		t.Errorf("got %v for a layer that is another than the config says", err)
	}
}

func TestLayersAreFlattenedAsRuntimesUnpackThem(t *testing.T) {
	folder := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755} }
	r := &reader{dir: t.TempDir(), kept: map[string]bool{"/linked": true}}
	var layers []*layer
	for _, headers := range [][]tar.Header{
		{folder("a"), {Name: "a/lower", Linkname: "1"}, {Name: "a/deep/file", Linkname: "2"}, {Name: "gone", Linkname: "3"}, {Name: "folder/file", Linkname: "4"}, {Name: "kept", Linkname: "5"}},
		// The layer's own file stands before what empties the folder, and stays.
		{{Name: "a/own", Linkname: "6"}, {Name: "a/.wh..wh..opq"}, {Name: ".wh.gone"}, {Name: "folder", Linkname: "7"}, {Name: "linked", Typeflag: tar.TypeLink, Linkname: "kept2"}},
		{{Name: "kept2", Linkname: "8"}, {Name: "linked", Typeflag: tar.TypeLink, Linkname: "kept2"}, {Name: "back", Typeflag: tar.TypeSymlink, Linkname: "/a"}},
	} {
		l, err := readTar(t, r, tarOf(t, headers...))
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, l)
	}
	root := flatten(layers)
	for p, want := range map[string]bool{"/a": true, "/a/own": true, "/kept": true, "/folder": true, "/back": true, "/a/lower": false, "/a/deep": false, "/gone": false, "/folder/file": false} {
		if got := root.at(p) != nil; got != want {
			t.Errorf("%s is there: %v, want %v", p, got, want)
		}
	}
	linked := root.fileAt("/linked")
	if linked == nil || linked.kind != tar.TypeReg || linked.kept == "" {
		t.Fatalf("the hard link is %+v, want the file that it names, kept", linked)
	}
	if data, err := os.ReadFile(linked.kept); err != nil || string(data) != "8" {
		t.Errorf("the hard link has %q, %v", data, err)
	}
}

func TestContentTellsSourcesAndKeys(t *testing.T) {
	licence := "/* " + strings.Repeat("licence ", 500) + "*/\n//go:build linux\n\n"
	for content, want := range map[string]seen{
		"package main\n": {goSource: true, lines: 1},
		licence + "package x // import \"y\"\nvar a = 1": {goSource: true, lines: 5},
		"package com.example;\n":                         {lines: 1},
		"a package main\n":                               {lines: 1},
		"\n-----BEGIN RSA PRIVATE KEY-----\nabc\n":       {key: true, lines: 3},
		"-----BEGIN PRIVATE KEY-----":                    {key: true, lines: 1},
		"-----BEGIN CERTIFICATE-----\nPRIVATE KEY\n":     {lines: 2},
		"{\"env\": \"-----BEGIN PRIVATE KEY-----\"}":     {lines: 1},
		"": {},
	} {
		for _, step := range []int{1, 7, 1 << 20} {
			l := &looker{plain: true}
			for rest := content; rest != ""; {
				n, err := l.Write([]byte(rest[:min(step, len(rest))]))
				if err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			l.finish()
			if l.seen != want {
				t.Errorf("%q, %d bytes at a time: got %+v, want %+v", content, step, l.seen, want)
			}
		}
	}
}

func TestDebugInformationThatGrowsIsNotRead(t *testing.T) {
	section := func(name string, size uint64, content string) *elf.Section {
		return &elf.Section{SectionHeader: elf.SectionHeader{Name: name, Size: size}, ReaderAt: strings.NewReader(content)}
	}
	for _, test := range []struct {
		well     bool
		sections []*elf.Section
	}{
		{true, []*elf.Section{section(".text", 1<<40, ""), section(".debug_info", 1<<30, ""), section(".zdebug_line", 12, "ZLIB\x00\x00\x00\x00\x00\x01\x00\x00")}},
		{false, []*elf.Section{section(".debug_info", 1<<30, ""), section(".debug_line", 1<<30+1, "")}},
		{false, []*elf.Section{section(".zdebug_info", 12, "ZLIB\x00\x00\x01\x00\x00\x00\x00\x00")}},
		{false, []*elf.Section{section(".zdebug_info", 3, "ZLI")}},
	} {
		if err := checkSize(test.sections); (err == nil) != test.well {
			t.Errorf("%d sections: got %v", len(test.sections), err)
		}
	}
}
