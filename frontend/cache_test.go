package frontend_test

import (
	"slices"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/client"
)

func TestProductionDigestIsTheSameThroughDlvgen(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	service := testenv.Service(t, "hello")
	image := testenv.FrontendImage(t)
	for name, attrs := range map[string]map[string]string{
		"clock": {},
		"epoch": {"build-arg:SOURCE_DATE_EPOCH": "1700000000"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := deadline(t)
			push := reg.Ref("production/hello:" + name)
			stock, err := bk.Solve(ctx, testenv.Solve{Context: service, Attrs: attrs, Push: push})
			if err != nil {
				t.Fatal(err)
			}
			gatewayAttrs := map[string]string{"source": image}
			for k, v := range attrs {
				gatewayAttrs[k] = v
			}
			gateway, err := bk.Solve(ctx, testenv.Solve{Context: service, Frontend: "gateway.v0", Attrs: gatewayAttrs, Push: push})
			if err != nil {
				t.Fatal(err)
			}
			inProcess := mustDerive(ctx, t, bk, derivation{service: service, attrs: attrs, push: push})
			if stock.Digest != gateway.Digest || stock.Digest != inProcess.Digest {
				t.Errorf("digests differ: docker/dockerfile %s, gateway image %s, in process %s", stock.Digest, gateway.Digest, inProcess.Digest)
			}
		})
	}
}

func TestTheSameCommitGivesTheSameImage(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	reg := testenv.SharedRegistry(t)
	service := testenv.Service(t, "hello")
	for name, attrs := range map[string]map[string]string{
		"clock": {},
		"epoch": {"build-arg:SOURCE_DATE_EPOCH": "1700000000"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := deadline(t)
			var digests []string
			var layers [][]v1.Hash
			for _, bk := range []*testenv.BuildKit{testenv.SharedBuildKit(t), testenv.SharedBuildKit(t), testenv.AnotherBuildKit(t)} {
				image := "same/hello:" + name
				solved := mustDerive(ctx, t, bk, derivation{service: service, options: variant("remote-src"), attrs: attrs, push: reg.Ref(image)})
				digests = append(digests, solved.Digest)
				layers = append(layers, layersOf(t, reg, image))
			}
			if digests[0] != digests[1] {
				t.Errorf("two builds gave %s and %s", digests[0], digests[1])
			}
			// On another builder production's own layer carries another time of its
			// compile; dlvgen's four do not.
			ours := func(l []v1.Hash) []v1.Hash { return l[len(l)-4:] }
			if !slices.Equal(ours(layers[0]), ours(layers[2])) {
				t.Errorf("another builder gave other layers: %v and %v", ours(layers[0]), ours(layers[2]))
			}
		})
	}
}

// TestRewrittenTimesGiveOneDigestOnEveryBuilder builds everything anew on two
// builders: only the times of production's own files could tell them apart.
func TestRewrittenTimesGiveOneDigestOnEveryBuilder(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	reg := testenv.SharedRegistry(t)
	d := derivation{
		service: testenv.Service(t, "hello"),
		options: variant("remote-src"),
		attrs:   map[string]string{"build-arg:SOURCE_DATE_EPOCH": "1700000000"},
		exports: []client.ExportEntry{{Type: client.ExporterImage, Attrs: map[string]string{
			"name": reg.Ref("rewritten/hello:v1-debug-src"), "push": "true", "rewrite-timestamp": "true",
		}}},
	}
	first := mustDerive(ctx, t, testenv.SharedBuildKit(t), d)
	second := mustDerive(ctx, t, testenv.AnotherBuildKit(t), d)
	if first.Digest == "" || first.Digest != second.Digest {
		t.Errorf("two builders gave %s and %s", first.Digest, second.Digest)
	}
}

func layersOf(t *testing.T, reg *testenv.Registry, name string) []v1.Hash {
	t.Helper()
	img, err := reg.Image(proctest.Context(t), name)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	var hashes []v1.Hash
	for _, l := range manifest.Layers {
		hashes = append(hashes, l.Digest)
	}
	return hashes
}
