package tools

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/tonistiigi/fsutil"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/toolpack"
)

// packed is a folder of packs with three tools.
func packed(t *testing.T, programs map[string]string) fs.FS {
	t.Helper()
	tree := fstest.MapFS{}
	for name, text := range programs {
		tree[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o444}
	}
	dir := t.TempDir()
	groups := []toolpack.Group{
		{Name: "linux_amd64/bin", Tools: []string{"linux_amd64/bin"}},
		{Name: "linux_amd64/delve", Tools: []string{"linux_amd64/delve/1.27.2", "linux_amd64/delve/1.8.3"}},
	}
	if err := toolpack.Write(t.Context(), tree, dir, groups, io.Discard); err != nil {
		t.Fatal(err)
	}
	return os.DirFS(dir)
}

var sample = map[string]string{
	"linux_amd64/bin/go":           "go",
	"linux_amd64/delve/1.27.2/dlv": "dlv",
	"linux_amd64/delve/1.8.3/dlv":  "old",
}

func TestEachToolIsAMountWithItsArchive(t *testing.T) {
	set, err := newSet(packed(t, sample))
	if err != nil {
		t.Fatal(err)
	}
	for tool, want := range map[string][]string{
		"linux_amd64/bin":          {"bin/ 755", "bin/go 755 go"},
		"linux_amd64/delve/1.27.2": {"delve/ 755", "delve/1.27.2/ 755", "delve/1.27.2/dlv 755 dlv"},
		"linux_amd64/delve/1.8.3":  {"delve/ 755", "delve/1.8.3/ 755", "delve/1.8.3/dlv 755 old"},
	} {
		archive, size := sent(t, set.Mounts[set.Names[tool]])
		if got := entries(t, archive); !slices.Equal(got, want) {
			t.Errorf("the archive of %s has %q, want %q", tool, got, want)
		}
		if size != int64(len(archive)) {
			t.Errorf("%s is said to have %d bytes, and has %d", tool, size, len(archive))
		}
	}
	if len(set.Names) != 3 || len(set.Mounts) != 3 {
		t.Errorf("the set has %v, want three tools", set.Names)
	}
}

// A mount's files are compared by size and time only.
func TestAnotherContentHasAnotherName(t *testing.T) {
	first, err := newSet(packed(t, sample))
	if err != nil {
		t.Fatal(err)
	}
	changed := maps.Clone(sample)
	changed["linux_amd64/delve/1.8.3/dlv"] = "new"
	second, err := newSet(packed(t, changed))
	if err != nil {
		t.Fatal(err)
	}
	for tool, name := range first.Names {
		if same := second.Names[tool] == name; same == (tool == "linux_amd64/delve/1.8.3") {
			t.Errorf("%s is called %s and then %s", tool, name, second.Names[tool])
		}
	}
	if first.Digest == second.Digest {
		t.Error("the digest is the same")
	}
}

func TestWithoutToolsTheErrorIsErrNone(t *testing.T) {
	if _, err := newSet(fstest.MapFS{"README": {Data: []byte("read me")}}); !errors.Is(err, ErrNone) {
		t.Errorf("got %v, want ErrNone", err)
	}
}

// sent is the archive that BuildKit's receiver gets of a mount, and its size in the walk.
func sent(t *testing.T, mount fsutil.FS) (archive []byte, size int64) {
	t.Helper()
	err := mount.Walk(t.Context(), string(filepath.Separator), func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if p != layout.ToolArchive || !info.Mode().IsRegular() || info.ModTime().Unix() != 0 {
			t.Errorf("%s has mode %v and time %v", p, info.Mode(), info.ModTime())
		}
		size = info.Size()
		r, err := mount.Open(p)
		if err != nil {
			return err
		}
		archive, err = io.ReadAll(r)
		return errors.Join(err, r.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	return archive, size
}

func entries(t *testing.T, archive []byte) []string {
	t.Helper()
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for r := tar.NewReader(unzipped); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.ModTime.Unix() != 0 {
			t.Errorf("%s is of %d:%d at %v", h.Name, h.Uid, h.Gid, h.ModTime)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		entry := fmt.Sprintf("%s %o", h.Name, h.Mode)
		if len(text) > 0 {
			entry += " " + string(text)
		}
		list = append(list, entry)
	}
}
