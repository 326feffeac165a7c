package tools

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tonistiigi/fsutil"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/toolstree"
)

func mapFS(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{"README": {Data: []byte("read me")}, layout.ToolsDigest: {Data: []byte("0123456789abcdef")}}
	for name, data := range files {
		m[name] = &fstest.MapFile{Data: []byte(data), Mode: 0o444, ModTime: time.Unix(1_700_000_000, 0)}
	}
	return m
}

var sample = map[string]string{
	"linux_amd64/bin/go":           "go",
	"linux_amd64/delve/1.27.2/dlv": "dlv",
	"linux_amd64/init":             "init",
	"linux_arm64/init":             "init of arm64",
}

func TestTreeIsWrittenByBuildKitsReceiverAsExecutables(t *testing.T) {
	tree, _, err := newTree(mapFS(sample))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	err = tree.Walk(t.Context(), "", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm() != 0o755 || info.ModTime().Unix() != 0 {
			t.Errorf("%s has mode %v and time %v, want 0755 and 0", p, info.Mode(), info.ModTime())
		}
		if info.IsDir() {
			return nil
		}
		r, err := tree.Open(p)
		if err != nil {
			return err
		}
		data, err := io.ReadAll(r)
		got[p] = string(data)
		return errors.Join(err, r.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, sample) {
		t.Errorf("the walk found %v, want %v", got, sample)
	}
}

func TestWalkOfASubfolderStaysBelowIt(t *testing.T) {
	tree, _, err := newTree(mapFS(sample))
	if err != nil {
		t.Fatal(err)
	}
	// A filter as the receiving side asks for it: one platform's folder.
	filtered, err := fsutil.NewFilterFS(tree, &fsutil.FilterOpt{IncludePatterns: []string{"linux_arm64"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = filtered.Walk(t.Context(), "", func(p string, _ fs.DirEntry, err error) error {
		got = append(got, p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"linux_arm64", "linux_arm64/init"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestEmptyTreeSaysToRunMakeBuild(t *testing.T) {
	if _, _, err := newTree(fstest.MapFS{"README": {Data: []byte("read me")}}); !errors.Is(err, ErrNone) {
		t.Errorf("got %v, want ErrNone", err)
	}
}

func TestEmbeddedTreeHasTheDigestOfItsFilesOrErrNone(t *testing.T) {
	_, digest, err := FS()
	if errors.Is(err, ErrNone) {
		proctest.Missing(t, "run `make tools` first")
	}
	if err != nil {
		t.Fatal(err)
	}
	sub, err := fs.Sub(embedded, "tree")
	if err != nil {
		t.Fatal(err)
	}
	if want, err := toolstree.Digest(sub); err != nil || digest != want {
		t.Errorf("the digest is %q, that of the files %q, %v", digest, want, err)
	}
	if got, want := LocalName(digest), "dlvgen-tools-"+digest[:12]; got != want {
		t.Errorf("LocalName is %q, want %q", got, want)
	}
}
