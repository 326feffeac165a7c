//go:build !race

// It reads whole layers, which takes long with the detector.

package cli_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/imagecheck"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// verified are the checks of `dlvgen verify` for an image of one platform.
func verified(t *testing.T, code int, args ...string) []imagecheck.Check {
	t.Helper()
	r := call(t, append([]string{"verify", "--format", "json"}, args...)...)
	var records []struct{ Checks []imagecheck.Check }
	if err := json.Unmarshal([]byte(r.stdout), &records); err != nil || len(records) == 0 || r.code != code {
		t.Fatalf("%q: exit code %d, %v\n%s%s", args, r.code, err, r.stdout, r.stderr)
	}
	var checks []imagecheck.Check
	for _, record := range records {
		checks = append(checks, record.Checks...)
	}
	return checks
}

// not are the checks without a result, by name.
func not(checks []imagecheck.Check, result imagecheck.Result) []string {
	var names []string
	for _, c := range checks {
		if c.Result != result {
			names = append(names, c.Name+": "+string(c.Result)+": "+c.Detail)
		}
	}
	return names
}

// results are those of the checks of an image of one platform, by name.
func results(t *testing.T, ref string, code int) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, c := range verified(t, code, ref) {
		got[c.Name] = string(c.Result)
		t.Logf("%s: %s %s: %s", ref, c.Name, c.Result, c.Detail)
	}
	return got
}

// verifyHonest wants every check to pass.
func verifyHonest(t *testing.T, ref, production string) {
	t.Helper()
	if bad := not(verified(t, cli.ExitOK, ref, "--production", production), imagecheck.OK); len(bad) > 0 {
		t.Errorf("%s: %q", ref, bad)
	}
}

func TestHonestImagesPassEveryCheck(t *testing.T) {
	g := buildGuarded(t)
	for _, v := range variants.Known() {
		verifyHonest(t, g.reg.Ref(guardedTag+v.Suffix), g.reg.Ref(guardedTag))
	}
	// Without production the files are not compared, and its config is by the link.
	bad := not(verified(t, cli.ExitOK, g.reg.Ref(guardedTag+"-debug")), imagecheck.OK)
	if want := []string{"files: not checked: name the production image with --production"}; !slices.Equal(bad, want) {
		t.Errorf("without production: %q, want %q", bad, want)
	}
	tag := g.reg.Ref(buildInplace(t, g.reg))
	for _, suffix := range []string{"-debug-src", "-debug-attach"} {
		verifyHonest(t, tag+suffix, tag)
	}
	if r := call(t, "verify", tag); r.code != cli.ExitFailure || !strings.Contains(r.stderr, "is no debug image of dlvgen") {
		t.Errorf("production was verified: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// buildInplace pushes an image that is based on Debian, and debug images with a launcher. It
// returns production's tag, of a repository for the test.
func buildInplace(t *testing.T, reg *testenv.Registry) string {
	t.Helper()
	dir, tag := testenv.Service(t, "hello"), "cli/"+strings.ToLower(t.Name())+":v1"
	if solved, err := testenv.SharedBuildKit(t).Solve(proctest.Context(t), testenv.Solve{Context: dir, Dockerfile: "Dockerfile.debian", Push: reg.Ref(tag)}); err != nil {
		t.Fatalf("%v\n%s", err, solved.Log)
	}
	mustBuild(t, "-t", reg.Ref(tag), "-f", filepath.Join(dir, "Dockerfile.debian"), "--variant", "remote-src,attach", "--entry", "inplace", "--push", dir)
	return tag
}

// verifyIndex verifies a debug image of several platforms, of the variant attach, against a
// production image of the same platforms: what it has without the layers of dlvgen.
func verifyIndex(t *testing.T, reg *testenv.Registry, ref string) {
	t.Helper()
	read := func(ref string) name.Reference {
		parsed, err := name.ParseReference(ref, name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	index, err := remote.Index(read(ref), remote.WithContext(proctest.Context(t)))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var whole []mutate.IndexAddendum
	for _, d := range manifest.Manifests {
		img, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		whole = append(whole, mutate.IndexAddendum{Add: withoutLayersOfOurs(t, img), Descriptor: v1.Descriptor{Platform: d.Platform}})
	}
	slices.Reverse(whole)
	production := reg.Ref("cli/verified-platforms:v1")
	push := func(images ...mutate.IndexAddendum) {
		t.Helper()
		if err := remote.WriteIndex(read(production), mutate.AppendManifests(empty.Index, images...), remote.WithContext(proctest.Context(t))); err != nil {
			t.Fatal(err)
		}
	}
	push(whole...)
	want := slices.Repeat([]string{"production: not checked: nothing links it with a production image"}, len(whole))
	if bad := not(verified(t, cli.ExitOK, ref, "--production", production), imagecheck.OK); !slices.Equal(bad, want) {
		t.Errorf("%s: %q, want %q", ref, bad, want)
	}
	push(whole[0])
	bad := strings.Join(not(verified(t, cli.ExitFailure, ref, "--production", production), imagecheck.OK), "\n")
	if missing := whole[1].Platform.String(); !strings.Contains(bad, "production: failed: "+production+" has no image for "+missing) {
		t.Errorf("%s: %q, want that %s is missing", ref, bad, missing)
	}
}

// withoutLayersOfOurs is what a debug image of the variant attach is made from.
func withoutLayersOfOurs(t *testing.T, img v1.Image) v1.Image {
	t.Helper()
	config, err := img.ConfigFile()
	layers, layersErr := img.Layers()
	if err := errors.Join(err, layersErr); err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	ours := 0
	config.History = slices.DeleteFunc(config.History, func(h v1.History) bool {
		if h.Comment == variants.HistoryComment {
			ours++
		}
		return h.Comment == variants.HistoryComment
	})
	for label := range config.Config.Labels {
		if variants.OurLabel(label) {
			delete(config.Config.Labels, label)
		}
	}
	return assembled(t, layers[:len(layers)-ours], config)
}
