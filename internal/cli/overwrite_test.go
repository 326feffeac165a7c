package cli_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// pushForeign puts an image that is not dlvgen's under a name of the registry.
func pushForeign(t *testing.T, reg *testenv.Registry, name string) {
	t.Helper()
	base, err := reg.Image(proctest.Context(t), "library/busybox")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reg.Push(proctest.Context(t), name, base); err != nil {
		t.Fatal(err)
	}
}

// digestOf is what a name of the registry names, "" for nothing.
func digestOf(t *testing.T, reg *testenv.Registry, name string) string {
	t.Helper()
	digest, err := reg.Digest(proctest.Context(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// refused checks that a call failed before anything was built.
func refused(t *testing.T, r ran, code int, says ...string) {
	t.Helper()
	if r.code != code || r.stdout != "" {
		t.Errorf("exit code %d, want %d, stdout %q\n%s", r.code, code, r.stdout, r.stderr)
	}
	for _, part := range says {
		if !strings.Contains(r.stderr, part) {
			t.Errorf("stderr lacks %q:\n%s", part, r.stderr)
		}
	}
	if strings.Contains(r.stderr, "load build definition") {
		t.Errorf("something was built first:\n%s", r.stderr)
	}
}

func TestNoWayToPushTakesATagThatIsNotOurs(t *testing.T) {
	reg := needBuildKit(t)
	dir := testenv.Service(t, "hello")
	pushForeign(t, reg, "cli/pushes:v1-debug")
	before := digestOf(t, reg, "cli/pushes:v1-debug")
	for _, args := range [][]string{
		{"--push"},
		{"-o", "type=registry"},
		{"-o", "type=image,push="},
		{"-o", "type=image,push=1"},
		{"-o", "type=image,PUSH=T"},
		{"-o", "type=registry,push=false", "--push"},
	} {
		r := dlvgen(t, append(args, "-t", reg.Ref("cli/pushes:v1"), dir)...)
		refused(t, r, cli.ExitFailure, "cli/pushes:v1-debug exists and was not made by dlvgen")
		if after := digestOf(t, reg, "cli/pushes:v1-debug"); after != before {
			t.Fatalf("%q: the tag names %s, and named %s", args, after, before)
		}
	}
	pushForeign(t, reg, "cli/pushes:v1")
	production := digestOf(t, reg, "cli/pushes:v1")
	refused(t, dlvgen(t, "--push", "--force", "-t", reg.Ref("cli/pushes:v1"), "-t", reg.Ref("cli/pushes:v1-debug"), dir), cli.ExitUsage, "name the production references only")
	printed := mustBuild(t, "--push", "--force", "-t", reg.Ref("cli/pushes:v1"), dir)
	if after := digestOf(t, reg, "cli/pushes:v1-debug"); after == before || len(printed) != 1 || !strings.HasSuffix(printed[0], after) {
		t.Errorf("with --force, the tag names %s: printed %q", after, printed)
	}
	if after := digestOf(t, reg, "cli/pushes:v1"); after != production {
		t.Errorf("production's tag names %s, and named %s", after, production)
	}
}

func TestCachesAreNotPutInThePlaceOfImages(t *testing.T) {
	reg := needBuildKit(t)
	dir := testenv.Service(t, "hello")
	production := reg.Ref("cli/cached:v1")
	for _, name := range []string{"cli/cached:v1", "cli/cached:other"} {
		pushForeign(t, reg, name)
	}
	before := digestOf(t, reg, "cli/cached:v1")
	to := func(ref string) []string {
		return []string{"-t", production, "--cache-to", "type=registry,ref=" + ref, dir}
	}
	refused(t, dlvgen(t, to(production)...), cli.ExitUsage, "--cache-to", production)
	refused(t, dlvgen(t, "-t", production, "--cache-to", production, dir), cli.ExitUsage, "--cache-to", production)
	refused(t, dlvgen(t, to(production+"-debug")...), cli.ExitUsage, "--cache-to", production+"-debug")
	refused(t, dlvgen(t, to(reg.Ref("cli/cached:other"))...), cli.ExitFailure, "--cache-to", "cli/cached:other")
	for _, name := range []string{"cli/cached:v1", "cli/cached:other"} {
		if after := digestOf(t, reg, name); after != before {
			t.Errorf("%s names %s, and named %s", name, after, before)
		}
	}

	// A cache is written where nothing is, and where a cache is, in both of its forms.
	for _, form := range []string{"", ",image-manifest=false", ""} {
		cache := reg.Ref("cli/cached:cache")
		if r := dlvgen(t, to(cache+form)...); r.code != cli.ExitOK {
			t.Errorf("%q: exit code %d\n%s", form, r.code, r.stderr)
		}
		if digestOf(t, reg, "cli/cached:cache") == "" {
			t.Errorf("%q: no cache was written", form)
		}
	}
}

func TestEachOutputHasADigestOfItsOwn(t *testing.T) {
	reg := needBuildKit(t)
	testenv.Require(t, testenv.NeedDocker)
	engine := testenv.SharedDocker(t)
	t.Setenv("DOCKER_HOST", engine.Host)
	dir := testenv.Service(t, "hello")
	name := reg.Ref("cli/digests:v1")
	for _, args := range [][]string{
		{"-o", "type=image,push=true,compression=zstd,force-compression=true", "--load"},
		{"--load", "-o", "type=image,push=true,compression=zstd,force-compression=true"},
		{"-o", "type=registry,compression=uncompressed,force-compression=true", "-o", "type=oci,dest=" + t.TempDir() + "/app.tar"},
	} {
		r := dlvgen(t, append(args, "-t", name, dir)...)
		if r.code != cli.ExitOK {
			t.Errorf("%q: exit code %d\n%s", args, r.code, r.stderr)
			continue
		}
		if want := name + "-debug@" + digestOf(t, reg, "cli/digests:v1-debug"); strings.TrimSpace(r.stdout) != want {
			t.Errorf("%q: printed %q, want %q", args, r.stdout, want)
		}
	}
}

func TestLoadLeavesImagesAloneThatAreNotOurs(t *testing.T) {
	needBuildKit(t)
	testenv.Require(t, testenv.NeedDocker)
	engine := testenv.SharedDocker(t)
	t.Setenv("DOCKER_HOST", engine.Host)
	dir := testenv.Service(t, "hello")
	run := func(args ...string) string {
		t.Helper()
		out, err := engine.CLI(proctest.Context(t), args...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
	const name = "dlvgen-cli-foreign:v1"
	mustBuild(t, "-t", name, "--load", dir)
	ours := run("image", "inspect", "--format", "{{.Id}}", name+"-debug")
	mustBuild(t, "-t", name, "--load", dir) // once more over what is ours

	// Somebody else's image under the debug tag: an empty one.
	importEmpty(t, engine, name+"-debug")
	foreign := run("image", "inspect", "--format", "{{.Id}}", name+"-debug")
	if foreign == ours {
		t.Fatal("the tag still names dlvgen's image")
	}
	for _, args := range [][]string{{"--load"}, {"-o", "type=docker"}, {"-o", "type=docker", "-o", "type=oci,dest=" + t.TempDir() + "/app.tar"}} {
		r := dlvgen(t, append(args, "-t", name, dir)...)
		refused(t, r, cli.ExitFailure, name+"-debug", "Docker Engine")
		if after := run("image", "inspect", "--format", "{{.Id}}", name+"-debug"); after != foreign {
			t.Fatalf("%q: the tag names %s, and named %s", args, after, foreign)
		}
	}
	mustBuild(t, "-t", name, "--load", "--force", dir)
	if after := run("image", "inspect", "--format", "{{.Id}}", name+"-debug"); after != ours {
		t.Errorf("with --force, the tag names %s, want %s", after, ours)
	}
	// A file is not an engine's image.
	mustBuild(t, "-t", name, "-o", "type=docker,dest="+t.TempDir()+"/app.tar", dir)
	run("image", "rm", "--force", name+"-debug", ours)
}

// importEmpty gives a name of the engine to an image with one empty file.
func importEmpty(t *testing.T, engine *testenv.Docker, name string) {
	t.Helper()
	archive := filepath.Join(t.TempDir(), "root.tar")
	var root bytes.Buffer
	w := tar.NewWriter(&root)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "empty", Mode: 0o644}), w.Close(), os.WriteFile(archive, root.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.CLI(proctest.Context(t), "import", archive, name); err != nil {
		t.Fatal(err)
	}
}
