//go:build !race

// It reads whole layers, which takes long with the detector.

package cli_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// deployed is a registry that tests push to.
type deployed struct {
	name  string
	start func(t *testing.T) *testenv.Registry

	// wholeImages says that it deletes no tags, but images with all of theirs.
	wholeImages bool
}

func registries() []deployed {
	list := []deployed{
		{name: "go-containerregistry", start: func(t *testing.T) *testenv.Registry { return testenv.SharedRegistry(t) }},
		{name: "go-containerregistry without referrers", start: func(t *testing.T) *testenv.Registry {
			server := httptest.NewServer(registry.New(registry.WithReferrersSupport(false), registry.Logger(log.New(io.Discard, "", 0))))
			t.Cleanup(server.Close)
			return &testenv.Registry{Host: server.Listener.Addr().String()}
		}},
	}
	for _, d := range []testenv.Distribution{testenv.Distribution2, testenv.Distribution3} {
		list = append(list, deployed{d.String(), func(t *testing.T) *testenv.Registry {
			return &testenv.Registry{Host: d.Start(t, testenv.DistributionOptions{})}
		}, d == testenv.Distribution2})
	}
	return list
}

// pushIndex pushes a production image of two platforms, and returns its digest and those of
// the two.
func pushIndex(t *testing.T, reg *testenv.Registry, image string, options ...remote.Option) (whole, amd64, arm64 string) {
	t.Helper()
	var index v1.ImageIndex = empty.Index
	var digests []string
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := random.Image(64, 1)
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		config = config.DeepCopy()
		config.OS, config.Architecture = "linux", arch
		if img, err = mutate.ConfigFile(img, config); err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: config.Platform()}})
		digest, err := img.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest.String())
	}
	ref, err := name.ParseReference(reg.Ref(image))
	if err == nil {
		err = remote.WriteIndex(ref, index, append(options, remote.WithContext(proctest.Context(t)))...)
	}
	digest, digestErr := index.Digest()
	if err := errors.Join(err, digestErr); err != nil {
		t.Fatal(err)
	}
	return digest.String(), digests[0], digests[1]
}

// platformOf is the image of the first platform of an index.
func platformOf(t *testing.T, index string) string {
	t.Helper()
	ref, err := name.ParseReference(index)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := remote.Index(ref, remote.WithContext(proctest.Context(t)))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := whole.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	return ref.Context().Digest(manifest.Manifests[0].Digest.String()).String()
}

// listed are the debug images that `dlvgen ls` finds: tag, variant and status.
func listed(t *testing.T, ref string) []string {
	t.Helper()
	var list struct {
		Images []struct{ Ref, Preset, Status string }
	}
	r := mustCall(t, "ls", ref, "--format", "json")
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil {
		t.Fatalf("%v in\n%s", err, r.stdout)
	}
	var rows []string
	for _, img := range list.Images {
		rows = append(rows, fmt.Sprintf("%s %s %s", img.Ref[strings.LastIndexByte(img.Ref, ':')+1:], img.Preset, img.Status))
	}
	return rows
}

func lists(t *testing.T, ref string, want ...string) {
	t.Helper()
	if got := listed(t, ref); !slices.Equal(got, want) {
		t.Errorf("%s lists %q, want %q", ref, got, want)
	}
}

// TestEveryRegistryHasDebugImages publishes a variant that other tests build too, and does with
// it what the commands for registries do.
func TestEveryRegistryHasDebugImages(t *testing.T) {
	needBuildKit(t)
	dir := testenv.Service(t, "hello")
	for _, d := range registries() {
		t.Run(d.name, func(t *testing.T) {
			reg := d.start(t)
			app := reg.Ref("cli/everywhere")
			production, amd64, arm64 := pushIndex(t, reg, "cli/everywhere:v1")
			pushIndex(t, reg, "cli/everywhere:v2")
			var built []struct{ Ref, Digest, Production string }
			r := dlvgen(t, "-t", app+":v1", "--variant", "remote,remote-src", "--provenance", "mode=min", "--push", "--format", "json", dir)
			if err := json.Unmarshal([]byte(r.stdout), &built); err != nil || len(built) != 2 {
				t.Fatalf("exit code %d, %v\n%s%s", r.code, err, r.stdout, r.stderr)
			}
			for _, b := range built {
				if b.Production != production {
					t.Errorf("%s is linked with %q, want %s\n%s", b.Ref, b.Production, production, r.stderr)
				}
			}
			pushLabelled(t, reg, "cli/everywhere:v1-debug-attach", labelled(t, "attach"))
			linked := []string{"v1-debug remote current", "v1-debug-src remote-src current"}
			lists(t, app+":v1", append(slices.Clone(linked), "v1-debug-attach attach unlinked")...)
			for _, digest := range []string{production, amd64, arm64} {
				lists(t, app+"@"+digest, linked...)
			}
			mustCall(t, "attach", app+":v1-debug-attach")
			linked = append(linked, "v1-debug-attach attach current")
			for _, ref := range []string{":v1", ":v1-debug", ":v1-debug-attach", "@" + production, "@" + built[1].Digest} {
				lists(t, app+ref, linked...)
			}
			// Production is any image here, with another config.
			honest := map[string]string{
				"labels": "ok", "plan": "ok", "config": "failed", "program": "ok", "debugger": "ok", "sources": "ok", "secrets": "ok",
				"files": "not checked", "production": "ok",
			}
			platform := platformOf(t, app+"@"+built[0].Digest)
			if diff := cmp.Diff(honest, results(t, platform, cli.ExitFailure)); diff != "" {
				t.Errorf("verified (-want +got):\n%s", diff)
			}
			pruneAll(t, d, reg, app)
		})
	}
}

// pruneAll deletes the debug tags of v1, which has moved, but for one image that another tag
// names, where the registry would delete that too.
func pruneAll(t *testing.T, d deployed, reg *testenv.Registry, app string) {
	t.Helper()
	ref, err := name.NewTag(app + ":v1-debug-src")
	if err != nil {
		t.Fatal(err)
	}
	named, err := remote.Get(ref, remote.WithContext(proctest.Context(t)))
	if err == nil {
		err = remote.Tag(ref.Tag("mine"), named, remote.WithContext(proctest.Context(t)))
	}
	if err != nil {
		t.Fatal(err)
	}
	shared := digestOf(t, reg, "cli/everywhere:mine")
	pushIndex(t, reg, "cli/everywhere:v1")
	if r := mustCall(t, "prune", app); !strings.Contains(r.stderr, "to delete 3 debug tags of 4") {
		t.Errorf("stderr is\n%s", r.stderr)
	}
	r := call(t, "prune", app, "--yes")
	if d.wholeImages != (r.code == cli.ExitFailure) || d.wholeImages != regexp.MustCompile(`v1-debug-src: the registry deletes whole images only, and another tag names this one`).MatchString(r.stderr) {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	for tag, there := range map[string]bool{"v1": true, "v2": true, "mine": true, "v1-debug": false, "v1-debug-src": d.wholeImages, "v1-debug-attach": false} {
		if (digestOf(t, reg, "cli/everywhere:"+tag) != "") != there {
			t.Errorf("%s is there: %v, want %v", tag, !there, there)
		}
	}
	if got := digestOf(t, reg, "cli/everywhere:mine"); got != shared {
		t.Errorf("mine names %s, and named %s", got, shared)
	}
}
