//go:build !race

// See breakpoint_test.go for why.

package frontend_test

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// inImage is a path of an image.
type inImage struct {
	kind     byte
	mode     int64 // twelve bits
	uid, gid int
	link     string
	xattrs   string
	hash     [sha256.Size]byte
	modified time.Time
}

// what is everything but content and time.
func (i inImage) what() string {
	return fmt.Sprintf("%c %04o %d:%d %q %q", i.kind, i.mode, i.uid, i.gid, i.link, i.xattrs)
}

// layerPath is a path of one layer.
type layerPath struct {
	path string
	inImage
}

// layerPaths are those of layers that were read, by digest: images share most.
var layerPaths = struct {
	sync.Mutex
	read map[v1.Hash]func() ([]layerPath, error)
}{read: map[v1.Hash]func() ([]layerPath, error){}}

func pathsOfLayer(layer v1.Layer) ([]layerPath, error) {
	digest, err := layer.Digest()
	if err != nil {
		return nil, err
	}
	layerPaths.Lock()
	read, ok := layerPaths.read[digest]
	if !ok {
		read = sync.OnceValues(func() ([]layerPath, error) { return readLayer(layer) })
		layerPaths.read[digest] = read
	}
	layerPaths.Unlock()
	return read()
}

func readLayer(layer v1.Layer) ([]layerPath, error) {
	files, err := layer.Uncompressed()
	if err != nil {
		return nil, err
	}
	var paths []layerPath
	for h, err := range testenv.Entries(files) {
		if err != nil {
			return nil, err
		}
		p := layerPath{path: path.Join("/", h.Name), inImage: inImage{
			kind: h.Typeflag, mode: h.Mode & 0o7777, uid: h.Uid, gid: h.Gid, link: h.Linkname, modified: h.ModTime,
		}}
		for _, key := range slices.Sorted(maps.Keys(h.PAXRecords)) {
			if name, ok := strings.CutPrefix(key, "SCHILY.xattr."); ok {
				p.xattrs += fmt.Sprintf("%s=%x ", name, h.PAXRecords[key])
			}
		}
		p.hash = sha256.Sum256(h.Content)
		paths = append(paths, p)
	}
	return paths, nil
}

// pathsOf are all paths of an image, layers on top of each other.
func pathsOf(ctx context.Context, t *testing.T, reg *testenv.Registry, image string) map[string]inImage {
	t.Helper()
	img, err := reg.Image(ctx, image)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]inImage{}
	for _, layer := range layers {
		paths, err := pathsOfLayer(layer)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths { // what the layer takes away is below it
			if name, ok := strings.CutPrefix(path.Base(p.path), ".wh."); ok {
				hidden := path.Join(path.Dir(p.path), name)
				if name == ".wh..opq" {
					hidden = path.Dir(p.path) + "/"
				}
				removePath(all, hidden)
			}
		}
		for _, p := range paths {
			if strings.HasPrefix(path.Base(p.path), ".wh.") {
				continue
			}
			if before, ok := all[p.path]; ok && before.kind == tar.TypeDir && p.kind != tar.TypeDir {
				removePath(all, p.path)
			}
			if p.kind == tar.TypeLink {
				p.inImage = all[path.Join("/", p.link)]
			}
			all[p.path] = p.inImage
		}
	}
	return all
}

// removePath removes a path and what is below it; with a slash at its end, only that.
func removePath(all map[string]inImage, gone string) {
	below := strings.TrimSuffix(gone, "/") + "/"
	maps.DeleteFunc(all, func(p string, _ inImage) bool { return p == gone || strings.HasPrefix(p, below) })
}

// asBare is a form that adds nothing to production's folders: their times are those of
// the build from which all forms come.
var asBare = form{name: "bare", options: excluding("attach")}

func excluding(name string) variants.Request {
	o := variant(name)
	o.Variant.Sources = variants.SourcesExcluded
	return o
}

// asSources is a form that adds sources.
var asSources = form{name: "remote-src", options: variant("remote-src")}

// inspected has what a form's image says of its paths.
type inspected struct {
	paths map[string]inImage
	plan  variants.Plan
}

// compiled are programs that the build compiles: other flags make others of them.
func compiled(p string) bool {
	return slices.Contains([]string{"report", "other", "multi"}, path.Base(p))
}

// TestEveryPathIsAsInProduction compares all paths of debug images with production's.
func TestEveryPathIsAsInProduction(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	for target, forms := range map[string][]form{
		"exec": append([]form{asSources}, direct...), "path": direct, "script": append([]form{asSources}, indirect...),
		"names": direct, "capable": direct, "below": {asSources, asInplace}, "setid": append([]form{asSources}, indirect...),
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			ctx := deadline(t)
			reg := testenv.SharedRegistry(t)
			look := func(f form) inspected {
				name := f.pushed(ctx, t, target)
				found := inspected{paths: pathsOf(ctx, t, reg, name)}
				if f.name != asProduction.name {
					found.plan = planOfImage(ctx, t, reg, name)
				}
				return found
			}
			production, bare := look(asProduction), look(asBare)
			for _, f := range forms {
				if f.start == "off" {
					continue // the same image
				}
				for _, difference := range differences(production, bare, look(f)) {
					t.Errorf("%s: %s", f.name, difference)
				}
			}
		})
	}
}

// planOfImage reads the plan from its layer, the last.
func planOfImage(ctx context.Context, t *testing.T, reg *testenv.Registry, image string) variants.Plan {
	t.Helper()
	img, err := reg.Image(ctx, image)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	files, err := layers[len(layers)-1].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range testenv.Entries(files) {
		if err != nil {
			t.Fatal(err)
		}
		if path.Join("/", e.Name) == layout.Plan {
			return planIn(t, e.Content)
		}
	}
	t.Fatalf("%s has no plan", image)
	return variants.Plan{}
}

// differences are those of a debug image's paths from production's, and of their times
// from those in the bare image of the same build.
func differences(production, bare, debug inspected) []string {
	var found []string
	for _, p := range slices.Sorted(maps.Keys(production.paths)) {
		want, got := production.paths[p], debug.paths[p]
		switch {
		case got.kind == 0:
			found = append(found, p+" is missing")
		case got.what() != want.what():
			found = append(found, fmt.Sprintf("%s is %s, want %s", p, got.what(), want.what()))
		case got.hash != want.hash && !compiled(p):
			found = append(found, p+" has another content")
		case !got.modified.Equal(bare.paths[p].modified) && !compiled(p) && (got.kind == tar.TypeDir || debug.plan.Announces(p, false) != variants.AnnouncedSource):
			found = append(found, fmt.Sprintf("%s is of %v, want %v", p, got.modified, bare.paths[p].modified))
		}
	}
	for _, p := range slices.Sorted(maps.Keys(debug.paths)) {
		announced := debug.plan.Announces(p, debug.paths[p].kind == tar.TypeDir)
		if _, ok := production.paths[p]; !ok && announced != variants.AnnouncedAdded && announced != variants.AnnouncedSource {
			found = append(found, p+" is not in production")
		}
	}
	return found
}

// TestDifferentPathsAreFound is the control of the test above.
func TestDifferentPathsAreFound(t *testing.T) {
	image := func(mode int64, second int64, more ...string) inspected {
		i := inspected{paths: map[string]inImage{"/tmp": {kind: tar.TypeDir, mode: mode, modified: time.Unix(second, 0)}}}
		for _, p := range more {
			i.paths[p] = inImage{kind: tar.TypeReg}
		}
		return i
	}
	production := image(0o1777, 1)
	for want, debug := range map[string]inspected{
		"": image(0o1777, 1, layout.Delve),
		`/tmp is 5 0777 0:0 "" "", want 5 1777 0:0 "" ""`: image(0o777, 1),
		"/more is not in production":                      image(0o1777, 1, "/more"),
		"/tmp is missing":                                 {},
	} {
		if got := strings.Join(differences(production, production, debug), "\n"); got != want {
			t.Errorf("the differences are %q, want %q", got, want)
		}
	}
	if got := differences(production, production, image(0o1777, 2)); len(got) != 1 || !strings.Contains(got[0], "/tmp is of ") {
		t.Errorf("the differences are %q, want the time of /tmp", got)
	}
}
