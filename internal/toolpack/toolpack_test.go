package toolpack_test

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dlvgen/dlvgen/internal/toolpack"
)

func tree(init string) fstest.MapFS {
	return fstest.MapFS{
		"linux_amd64/init":             {Data: []byte(init)},
		"linux_amd64/delve/1.27.2/dlv": {Data: []byte(strings.Repeat("Delve", 1000))},
	}
}

var groups = []toolpack.Group{
	{Name: "linux_amd64/init", Tools: []string{"linux_amd64/init"}},
	{Name: "linux_amd64/delve", Tools: []string{"linux_amd64/delve/1.27.2"}},
}

func write(t *testing.T, tree fs.FS, dir string, groups []toolpack.Group) (log string) {
	t.Helper()
	var b bytes.Buffer
	if err := toolpack.Write(t.Context(), tree, dir, groups, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, p))
		files[p] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestOnlyChangedToolsArePackedAnew(t *testing.T) {
	dir := t.TempDir()
	write(t, tree("init"), dir, groups)
	first := filesIn(t, dir)
	if want := []string{"index.json", "linux_amd64/delve.tar.zst", "linux_amd64/init.tar.zst"}; !slices.Equal(slices.Sorted(maps.Keys(first)), want) {
		t.Fatalf("the folder has %q", slices.Sorted(maps.Keys(first)))
	}
	if log := write(t, tree("init"), dir, groups); log != "" || !maps.Equal(filesIn(t, dir), first) {
		t.Errorf("equal tools were packed again: %s", log)
	}
	log := write(t, tree("1nit"), dir, groups) // of the same size
	if second := filesIn(t, dir); log != "tools: packing linux_amd64/init\n" || second["index.json"] == first["index.json"] ||
		second["linux_amd64/init.tar.zst"] == first["linux_amd64/init.tar.zst"] {
		t.Errorf("init has changed, and it says: %s", log)
	}
	write(t, tree("init"), dir, groups)
	if again := filesIn(t, dir); !maps.Equal(again, first) {
		t.Error("the same tools make other packs")
	}
	if err := os.Remove(filepath.Join(dir, "linux_amd64", "delve.tar.zst")); err != nil {
		t.Fatal(err)
	}
	if log := write(t, tree("init"), dir, groups); log != "tools: packing linux_amd64/delve\n" {
		t.Errorf("a pack was missing, and it says: %s", log)
	}
	write(t, tree("init"), dir, groups[:1])
	if left := filesIn(t, dir); len(left) != 2 {
		t.Errorf("a pack of no tool stayed: %q", slices.Sorted(maps.Keys(left)))
	}
}

func TestAToolThatIsNotInThePackIsAnError(t *testing.T) {
	dir := t.TempDir()
	write(t, tree("init"), dir, groups)
	pack, err := os.ReadFile(filepath.Join(dir, "linux_amd64", "delve.tar.zst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"delve/1.8.3", "delve/1.2", "init"} {
		if err := toolpack.WriteArchive(io.Discard, bytes.NewReader(pack), tool); err == nil {
			t.Errorf("%s was found", tool)
		}
	}
	if err := toolpack.WriteArchive(io.Discard, bytes.NewReader(pack[:len(pack)/2]), "delve/1.27.2"); err == nil {
		t.Error("half a pack is read")
	}
}
