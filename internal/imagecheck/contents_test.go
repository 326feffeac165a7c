package imagecheck

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"os"
	"strings"
	"testing"
)

// An image that somebody made to fill the disk or the memory is read no further.
func TestFilesOfAnImageAreKeptOnceAndCounted(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range []string{"dlv", "../dlv", "/dlv", "app"} {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: 3})
		if err == nil {
			_, err = w.Write([]byte("dlv"))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "dev", Typeflag: tar.TypeBlock}), w.Close()); err != nil {
		t.Fatal(err)
	}
	c := &contents{there: map[string]bool{}, files: map[string]string{}, dir: t.TempDir()}
	if err := c.readLayer(tar.NewReader(bytes.NewReader(b.Bytes())), true, []string{"/app", "/dlv"}); err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadDir(c.dir); err != nil || len(kept) != 2 || len(c.files) != 2 {
		t.Errorf("%d files are kept for %q, %v; want 2", len(kept), c.files, err)
	}
	for _, full := range []*contents{{entries: maxEntries}, {looked: maxHidden + 1}} {
		full.there, full.files, full.dir = map[string]bool{}, map[string]string{}, t.TempDir()
		if err := full.readLayer(tar.NewReader(bytes.NewReader(b.Bytes())), true, nil); !errors.Is(err, errTooMany) {
			t.Errorf("got %v, want %v", err, errTooMany)
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
