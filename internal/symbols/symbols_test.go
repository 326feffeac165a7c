package symbols

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"golang.org/x/sync/errgroup"
)

// exeID is the GNU build id that the linker gave to exe.
const exeID = "0123456789abcdef0123456789abcdef01234567"

// exe is a program with debug information.
var exe = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "symbols")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		return nil, err
	}
	program := filepath.Join(dir, "program")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-B 0x"+exeID, "-o", program, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, errors.New(string(out))
	}
	return os.ReadFile(program)
})

func mustExe(t *testing.T) string {
	t.Helper()
	data, err := exe()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// image has a layer for each list of headers with their text.
func image(t *testing.T, layers ...[]file) v1.Image {
	t.Helper()
	img := empty.Image
	for _, files := range layers {
		content := tarOf(t, files)
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil })
		if err == nil {
			img, err = mutate.AppendLayers(img, layer)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return img
}

// file is a regular file, or what another type says.
type file struct {
	name, text string
	kind       byte
}

func tarOf(t *testing.T, files []file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o644, Typeflag: f.kind, ModTime: time.Unix(1_000_000_000, 0)}
		switch f.kind {
		case 0, tar.TypeReg:
			h.Typeflag, h.Size = tar.TypeReg, int64(len(f.text))
		default:
			h.Linkname, f.text = f.text, ""
		}
		err := w.WriteHeader(h)
		if err == nil {
			_, err = io.WriteString(w, f.text)
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

const productionID = "ffeeddccbbaa99887766554433221100ffeeddcc"

func plan(edit ...func(*variants.Plan)) *variants.Plan {
	p := &variants.Plan{
		Platform: "linux/amd64",
		Program:  variants.Program{File: "/usr/bin/server", GoVersion: "go1.26.8", ImportPath: "example.com/app"},
		Symbols:  &variants.Symbols{BuildID: "action-1/b_c/d/content-2", GNUBuildID: exeID},
		Paths: []variants.PathRule{
			{Path: "example.com/app", Source: "/src", Kind: variants.PathModule},
			{Path: "example.com/app/sub", Source: "/src/nested", Kind: variants.PathModule},
			{Path: "", Source: "/go/pkg/mod", Kind: variants.PathModCache},
			{Path: "/usr/local/go", Kind: variants.PathGOROOT},
		},
	}
	for _, e := range edit {
		e(p)
	}
	return p
}

func fromImage(t *testing.T, img v1.Image, p *variants.Plan) *Build {
	t.Helper()
	b, err := FromImage(img, p, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tree has the files of a folder, with their texts but for that of exe.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		if files[name] = string(data); len(data) > 1<<16 {
			files[name] = "a program"
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

const debugName = "01/23456789abcdef0123456789abcdef01234567"

func TestASidecarIsExportedByBuildID(t *testing.T) {
	program := mustExe(t)
	img := image(t,
		[]file{{name: "src/main.go", text: "hidden by a later layer"}, {name: "dlv", text: "Delve"}},
		[]file{
			{name: ".dlvgen/symbols/exe.debug", text: program}, {name: "./src/main.go", text: "main"}, {name: "src/nested/n.go", text: "nested"},
			{name: "go/pkg/mod/github.com/!burnt!sushi/toml@v1.2.0-!r!c/a@b/!x.go", text: "toml"}, {name: "etc/passwd", text: "root"},
			{name: "src/link.go", text: "/etc/passwd", kind: tar.TypeSymlink},
		})
	b := fromImage(t, img, plan())
	dir := filepath.Join(t.TempDir(), "new", "store")
	for range 2 {
		if err := b.Store(dir); err != nil {
			t.Fatal(err)
		}
	}
	got := tree(t, dir)
	about := got[".build-id/"+debugName+".json"]
	delete(got, ".build-id/"+debugName+".json")
	want := map[string]string{
		".build-id/" + debugName + ".debug":                                "a program",
		"src/" + exeID + "/example.com/app/main.go":                        "main",
		"src/" + exeID + "/example.com/app/sub/n.go":                       "nested",
		"src/" + exeID + "/github.com/BurntSushi/toml@v1.2.0-RC/a@b/!x.go": "toml",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("exported (-want +got):\n%s", diff)
	}
	for _, says := range []string{`"gnuBuildID": "` + exeID, `"goBuildID": "action-1/b_c/d/content-2"`, `"program": "/usr/bin/server"`} {
		if !strings.Contains(about, says) {
			t.Errorf("no %s in\n%s", says, about)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "src", exeID, "example.com", "app", "main.go"))
	if err != nil || info.ModTime().Unix() != 1_000_000_000 {
		t.Errorf("%v: the source is of %v, newer than the program", err, info.ModTime())
	}
	for debugger, want := range map[string]string{
		"dlv": "debug-info-directories: [\"DIR\"]\nsubstitute-path:\n" +
			"  - {from: \"example.com/app/sub\", to: \"DIR/src/ID/example.com/app/sub\"}\n" +
			"  - {from: \"example.com/app\", to: \"DIR/src/ID/example.com/app\"}\n" +
			"  - {from: \"\", to: \"DIR/src/ID\"}\n",
		"gdb": "# gdb -ix THIS-FILE -p PID\nset auto-load safe-path $datadir/auto-load\nset debug-file-directory DIR:/usr/lib/debug\ndirectory \"DIR/src/ID\"\n",
	} {
		got, err := b.Settings(debugger, dir)
		got = strings.NewReplacer(dir, "DIR", exeID, "ID").Replace(got)
		if err != nil || got != want {
			t.Errorf("%v: the settings of %s are\n%s\nwant\n%s", err, debugger, got, want)
		}
	}
}

func TestAnArchiveIsTheSameBuild(t *testing.T) {
	img := image(t, []file{{name: ".dlvgen/symbols/exe.debug", text: mustExe(t)}, {name: "src/main.go", text: "main"}})
	b := fromImage(t, img, plan())
	dir := t.TempDir()
	for range 2 {
		if err := b.StoreArchive(dir); err != nil {
			t.Fatal(err)
		}
	}
	packed, err := os.ReadFile(filepath.Join(dir, exeID+".tar.gz"))
	if err != nil || len(tree(t, dir)) != 1 {
		t.Fatalf("%v: %v", err, tree(t, dir))
	}
	again, err := FromArchive(bytes.NewReader(packed), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	one, other := t.TempDir(), t.TempDir()
	if err := errors.Join(b.Store(one), again.Store(other)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tree(t, one), tree(t, other)); diff != "" {
		t.Errorf("image and archive differ (-image +archive):\n%s", diff)
	}
	sum, size, err := b.Content()
	sum2, size2, err2 := again.Content()
	if err := errors.Join(err, err2); err != nil || sum != sum2 || size != size2 {
		t.Errorf("%v: the archive is of %s, then of %s", err, sum, sum2)
	}
	for _, cut := range []int{10, len(packed) / 2, len(packed) - 1} {
		if _, err := FromArchive(bytes.NewReader(packed[:cut]), t.TempDir()); err == nil {
			t.Errorf("an archive of %d of %d bytes was read", cut, len(packed))
		}
	}
	if err := os.WriteFile(filepath.Join(dir, exeID+".tar.gz"), packed[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	var other2 *OtherFileError
	if err := b.StoreArchive(dir); !errors.As(err, &other2) {
		t.Errorf("a damaged archive is there, and the error is %v", err)
	}
}

// The host's linker makes an id of the file's content, so those of production and of the
// symbols differ.
func TestTheIDIsThatOfProduction(t *testing.T) {
	img := image(t, []file{{name: ".dlvgen/symbols/exe.debug", text: mustExe(t)}})
	for name, c := range map[string]struct{ planned, want, file string }{
		"production's own":     {productionID, productionID, ".build-id/ff/eeddccbbaa99887766554433221100ffeeddcc"},
		"none":                 {variants.NoGNUBuildID, "", "go-id/action-1.content-2/server"},
		"one of another size":  {"aabb", "", "go-id/action-1.content-2/server"},
		"of an earlier dlvgen": {"", exeID, ".build-id/" + debugName},
		"the one that it has":  {exeID, exeID, ".build-id/" + debugName},
	} {
		t.Run(name, func(t *testing.T) {
			b := fromImage(t, img, plan(func(p *variants.Plan) { p.Symbols.GNUBuildID = c.planned }))
			dir := t.TempDir()
			if err := b.Store(dir); err != nil {
				t.Fatal(err)
			}
			if b.GNU != c.want || len(tree(t, dir)) != 2 {
				t.Errorf("its id is %q, want %q; exported %v", b.GNU, c.want, tree(t, dir))
			}
			f, err := os.Open(filepath.Join(dir, c.file+".debug"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			id, err := gobin.ReadGNUBuildID(f)
			if got := hex.EncodeToString(id.ID); err != nil || c.want != "" && got != c.want {
				t.Errorf("%v: the file has the id %s, want %s", err, got, c.want)
			}
		})
	}
}

func TestSeveralCallsMayWriteTheSame(t *testing.T) {
	img := image(t, []file{{name: ".dlvgen/symbols/exe.debug", text: mustExe(t)}, {name: "src/main.go", text: "main"}})
	b := fromImage(t, img, plan())
	dir := t.TempDir()
	var calls errgroup.Group
	for range 8 {
		calls.Go(func() error { return errors.Join(b.Store(dir), b.StoreArchive(dir)) })
	}
	if err := calls.Wait(); err != nil {
		t.Error(err)
	}
	if files := tree(t, dir); len(files) != 4 {
		t.Errorf("written: %v", slices.Sorted(maps.Keys(files)))
	}
}

func TestOtherFilesStay(t *testing.T) {
	img := image(t, []file{{name: ".dlvgen/symbols/exe.debug", text: mustExe(t)}, {name: "src/main.go", text: "main"}})
	b := fromImage(t, img, plan())
	for _, name := range []string{".build-id/" + debugName + ".debug", ".build-id/" + debugName + ".json", "src/" + exeID + "/example.com/app/main.go", "src/" + exeID} {
		dir := t.TempDir()
		at := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(at), 0o755)
		if err = errors.Join(err, os.WriteFile(at, []byte("mine"), 0o600)); err != nil {
			t.Fatal(err)
		}
		var other *OtherFileError
		if err := b.Store(dir); err == nil || name != "src/"+exeID && !errors.As(err, &other) {
			t.Errorf("%s was there, and the error is %v", name, err)
		}
		if got := tree(t, dir)[name]; got != "mine" {
			t.Errorf("%s is now %q", name, got)
		}
		for file := range tree(t, dir) {
			if strings.Contains(file, ".dlvgen-") {
				t.Errorf("%s is left over", file)
			}
		}
	}
	// A link out of the folder.
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, ".build-id")); err != nil {
		t.Fatal(err)
	}
	if err := b.Store(dir); err == nil || len(tree(t, outside)) > 0 {
		t.Errorf("%v: written outside: %v", err, tree(t, outside))
	}
}

func TestStrangersFilesAreRefused(t *testing.T) {
	program := file{name: ".dlvgen/symbols/exe.debug", text: mustExe(t)}
	for name, c := range map[string]struct {
		files []file
		edit  func(*variants.Plan)
		says  string
	}{
		"control characters": {files: []file{program, {name: "src/a\x1b[2Jb.go"}}, says: `a\x1b[2Jb.go`},
		"a source in place of the symbols": {
			files: []file{program, {name: "x/aa/bb.debug"}}, says: "a source named",
			edit: func(p *variants.Plan) {
				p.Paths = []variants.PathRule{{Path: ".build-id", Source: "/x", Kind: variants.PathModule}}
			},
		},
		"a root that leads out": {
			files: []file{program, {name: "x/evil.go"}}, says: "a file named",
			edit: func(p *variants.Plan) {
				p.Paths = []variants.PathRule{{Path: "../../..", Source: "/x", Kind: variants.PathModule}}
			},
		},
		"a file as a folder":   {files: []file{program, {name: "src/a"}, {name: "src/a/b"}}, says: "a"},
		"a bad GNU id":         {files: []file{program}, edit: func(p *variants.Plan) { p.Symbols.GNUBuildID = "../../etc" }, says: "GNU build id"},
		"a short GNU id":       {files: []file{program}, edit: func(p *variants.Plan) { p.Symbols.GNUBuildID = "aa" }, says: "GNU build id"},
		"a bad Go id":          {files: []file{program}, edit: func(p *variants.Plan) { p.Symbols.BuildID = "a/../b" }, says: "Go build id"},
		"a bad program":        {files: []file{program}, edit: func(p *variants.Plan) { p.Program.File = "/" }, says: "program"},
		"no symbols":           {files: []file{program}, edit: func(p *variants.Plan) { p.Symbols = nil }, says: "only a sidecar"},
		"no file of symbols":   {files: []file{{name: "src/main.go"}}, says: "has no file"},
		"symbols of no format": {files: []file{{name: program.name, text: "\x7fELF and no more"}}, says: "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan()
			if c.edit != nil {
				c.edit(p)
			}
			dir := t.TempDir()
			inner := filepath.Join(dir, "inner")
			if err := os.Mkdir(inner, 0o755); err != nil {
				t.Fatal(err)
			}
			_, err := FromImage(image(t, c.files), p, inner)
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("the error is %v", err)
			}
			for file := range tree(t, dir) {
				if !strings.HasPrefix(file, "inner"+string(filepath.Separator)) {
					t.Errorf("%s was written", file)
				}
			}
		})
	}
	large := &writer{build: &Build{}, left: 3, seen: map[string]bool{}, roots: map[string]bool{}}
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	large.root = root
	for name, fits := range map[string]bool{"abc": true, "abcd": false} {
		large.left = 3
		if err := large.source(name, "", time.Time{}, strings.NewReader(name)); (err == nil) != fits {
			t.Errorf("%d bytes where 3 fit: %v", len(name), err)
		}
	}
}

func TestStrangersArchivesAreRefused(t *testing.T) {
	about, err := About{Platform: "linux/amd64", GNU: exeID, Go: "a/b", Program: "/server"}.encode()
	if err != nil {
		t.Fatal(err)
	}
	first := file{name: "./.dlvgen/symbols.json", text: string(about)}
	debug := file{name: "./.build-id/" + debugName + ".debug", text: "symbols"}
	if _, err := FromArchive(bytes.NewReader(gzipped(t, tarOf(t, []file{first, debug, {name: "./src/main.go"}}))), t.TempDir()); err != nil {
		t.Errorf("a good archive: %v", err)
	}
	for name, files := range map[string][]file{
		"no beginning":       {debug},
		"no symbols":         {first},
		"out of the folder":  {first, debug, {name: "./../x"}},
		"absolute":           {first, debug, {name: "/etc/passwd"}},
		"a link":             {first, debug, {name: "./src", text: "/etc", kind: tar.TypeSymlink}},
		"a hard link":        {first, debug, {name: "./src", text: "/etc/passwd", kind: tar.TypeLink}},
		"a device":           {first, debug, {name: "./src", kind: tar.TypeBlock}},
		"other symbols":      {first, debug, {name: "./.build-id/aa/bb.debug"}},
		"another beginning":  {first, debug, first},
		"what is no about":   {{name: first.name, text: "{"}, debug},
		"another's bad name": {{name: first.name, text: strings.Replace(first.text, exeID, "../"+exeID, 1)}, debug},
	} {
		if b, err := FromArchive(bytes.NewReader(gzipped(t, tarOf(t, files))), t.TempDir()); err == nil {
			t.Errorf("%s: it was read: %+v", name, b)
		}
	}
}

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(data)
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
