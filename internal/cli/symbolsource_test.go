package cli_test

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/planfile"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// sidecarImage has a plan and a program with debug information, as much as `dlvgen symbols`
// looks at.
func sidecarImage(t *testing.T, arch, id string, program []byte) v1.Image {
	t.Helper()
	sidecar, err := variants.ByName("sidecar")
	if err != nil {
		t.Fatal(err)
	}
	plan := variants.Plan{
		Format: planfile.Format, Version: "v1.0.0", Platform: "linux/" + arch, Request: variants.Request{Variant: sidecar},
		Program: variants.Program{Path: "/server", File: "/server", GoVersion: "go1.26.8"},
		Symbols: &variants.Symbols{BuildID: arch + "/content", GNUBuildID: id},
		Paths:   []variants.PathRule{{Path: "/src", Kind: variants.PathModule, Module: "example.com/app"}},
	}
	text, err := plan.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for path, data := range map[string][]byte{".dlvgen/plan.json": text, ".dlvgen/symbols/exe.debug": program, "src/main.go": []byte(arch)} {
		err := w.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(data))})
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		t.Fatal(err)
	}
	img, err = mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: arch, Config: v1.Config{Labels: labelled(t, "sidecar")}, RootFS: rootFS(t, img)})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func rootFS(t *testing.T, img v1.Image) v1.RootFS {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return config.RootFS
}

// pushSidecars pushes an image for each platform.
func pushSidecars(t *testing.T, reg *testenv.Registry, image string, of map[string]v1.Image) {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"amd64", "arm64"} {
		platform := v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: of[arch], Descriptor: platform})
	}
	ref, err := name.ParseReference(reg.Ref(image), name.Insecure)
	if err == nil {
		err = remote.WriteIndex(ref, index, remote.WithContext(proctest.Context(t)))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestSymbolsOfEachPlatform(t *testing.T) {
	reg := newRegistry(t)
	program := staticProgram(t)
	const amd64, arm64 = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	pushLabelled(t, reg, "app:v1", nil)
	both := map[string]v1.Image{"amd64": sidecarImage(t, "amd64", amd64, program), "arm64": sidecarImage(t, "arm64", arm64, program)}
	pushSidecars(t, reg, "app:v1-debug-sidecar", both)
	ref, dir := reg.Ref("app:v1"), filepath.Join(t.TempDir(), "store")

	refused(t, call(t, "symbols", reg.Ref("app:v1-debug-sidecar"), "--push"), cli.ExitFailure, "nothing links "+ref+"-debug-sidecar", "dlvgen attach")
	if r := mustCall(t, "symbols", ref); !strings.Contains(r.stderr, "nothing says that "+ref+"-debug-sidecar was derived from") {
		t.Errorf("stderr of an unlinked sidecar:\n%s", r.stderr)
	}
	mustCall(t, "attach", ref+"-debug-sidecar")
	r := mustCall(t, "symbols", ref)
	for _, line := range []string{"linux/amd64   " + amd64 + "   1.26.8   /server ", "linux/arm64   " + arm64 + "   1.26.8   /server "} {
		if !strings.Contains(r.stdout, line) {
			t.Errorf("the list lacks %q:\n%s", line, r.stdout)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a list wrote files")
	}
	refused(t, call(t, "symbols", ref, "-o", dir, "--for", "gdb"), cli.ExitFailure, "choose it with --platform")
	refused(t, call(t, "symbols", ref, "-o", dir, "--platform", "linux/s390x"), cli.ExitFailure, "no symbols for linux/s390x", "linux/amd64, linux/arm64")
	if r := mustCall(t, "symbols", ref, "-o", dir, "--platform", "linux/aarch64"); r.stdout != filepath.Join(dir, ".build-id", arm64[:2], arm64[2:]+".debug")+"\n" {
		t.Errorf("for arm64 it wrote %q", r.stdout)
	}
	pushed := strings.TrimSpace(mustCall(t, "symbols", ref, "--push").stdout)
	mustCall(t, "symbols", ref, "-o", dir)
	for arch, id := range map[string]string{"amd64": amd64, "arm64": arm64} {
		if text, err := os.ReadFile(filepath.Join(dir, "src", id, "src", "main.go")); err != nil || string(text) != arch {
			t.Errorf("the source for %s is %q (%v)", arch, text, err)
		}
	}

	// Production's tag moves: its digest still has what was attached, the tag nothing.
	before := digestOf(t, reg, "app:v1")
	pushLabelled(t, reg, "app:v1", nil)
	refused(t, call(t, "symbols", ref), cli.ExitFailure, "has no symbols in the registry", "v1-debug-sidecar was derived from another image")
	if r := mustCall(t, "symbols", reg.Ref("app@")+before); !strings.Contains(r.stdout, reg.Ref("app@")+before) {
		t.Errorf("the symbols of the image before:\n%s", r.stdout)
	}
	if r := mustCall(t, "symbols", ref+"-debug-sidecar", "--push"); strings.TrimSpace(r.stdout) != pushed {
		t.Errorf("pushed %s, and then %s", pushed, r.stdout)
	}
	refused(t, call(t, "symbols", pushed), cli.ExitFailure)
	pushLabelled(t, reg, "app:v2", nil)
	refused(t, call(t, "symbols", reg.Ref("app:v2")), cli.ExitFailure, "push its sidecar with `dlvgen build --variant sidecar --push`")

	for _, args := range [][]string{{"--for", "lldb", "-o", "x"}, {"--for", "gdb"}, {"--archive"}, {"--push", "--platform", "linux/amd64"}, {"--platform", "a/b/c/d"}, {"--for", "gdb", "-o", "x", "--archive"}} {
		if r := call(t, append([]string{"symbols", ref}, args...)...); r.code != cli.ExitUsage {
			t.Errorf("%q: exit code %d\n%s", args, r.code, r.stderr)
		}
	}
}

// TestSymbolsOfASidecarInAnotherRepository has a debug image of production's own tag there.
func TestSymbolsOfASidecarInAnotherRepository(t *testing.T) {
	reg := newRegistry(t)
	program := staticProgram(t)
	const amd64, arm64 = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	pushLabelled(t, reg, "app:v1", nil)
	pushSidecars(t, reg, "app-debug:v1", map[string]v1.Image{"amd64": sidecarImage(t, "amd64", amd64, program), "arm64": sidecarImage(t, "arm64", arm64, program)})
	mustCall(t, "attach", reg.Ref("app-debug:v1"), "--production", reg.Ref("app:v1"))
	for _, name := range []string{"app:v1", "app-debug:v1"} {
		if r := mustCall(t, "symbols", reg.Ref(name)); !strings.Contains(r.stdout, amd64) || !strings.Contains(r.stdout, arm64) || !strings.Contains(r.stdout, reg.Ref("app-debug:v1")) {
			t.Errorf("the symbols of %s:\n%s%s", name, r.stdout, r.stderr)
		}
	}
	pushed := strings.TrimSpace(mustCall(t, "symbols", reg.Ref("app:v1"), "--push").stdout)
	if r := mustCall(t, "symbols", reg.Ref("app:v1")); !strings.HasPrefix(pushed, reg.Ref("app@")) || !strings.Contains(r.stdout, reg.Ref("app@")+digestOf(t, reg, "app:v1")) {
		t.Errorf("pushed %s, and then there are\n%s", pushed, r.stdout)
	}
}

// staticProgram is a small one, whose GNU build id has 20 bytes.
func staticProgram(t *testing.T) []byte {
	t.Helper()
	requireTools(t)
	data, err := os.ReadFile(filepath.Join("..", "tools", "tree", "linux_amd64", "init"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
