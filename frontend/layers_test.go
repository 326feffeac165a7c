package frontend_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/internal/tools"
	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	apicapspb "github.com/moby/buildkit/util/apicaps/pb"
)

func TestVariantsOfOneBuildShareEveryLayerTheyCan(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, reg, service := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.Service(t, "hello")
	layers := map[string][]v1.Hash{}
	for _, name := range variants.Names() {
		image := "shared/hello:" + name
		mustDerive(ctx, t, bk, derivation{service: service, options: variant(name), push: reg.Ref(image)})
		layers[name] = layersOf(t, reg, image)
	}
	share := func(a, b string, want int) {
		t.Helper()
		n := 0
		for _, h := range layers[a] {
			if slices.Contains(layers[b], h) {
				n++
			}
		}
		if n != want {
			t.Errorf("%s and %s share %d layers, want %d: %v and %v", a, b, n, want, layers[a], layers[b])
		}
	}
	// The program, Delve, init; the plan is each image's own.
	share("remote", "remote-src", len(layers["remote"])-1)
	// The program, Delve and the sources.
	share("remote-src", "attach", len(layers["attach"])-1)
	// Delve, init and the sources.
	share("remote-src", "sidecar", 3)
}

func TestAnAttachImageStartsAsProductionDoes(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, reg, service := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.Service(t, "hello")
	var configs []v1.Config
	for _, name := range []string{"", "attach"} {
		image := "start/hello:v1" + name
		mustDerive(ctx, t, bk, derivation{service: service, options: variant(name), push: reg.Ref(image)})
		img, err := reg.Image(ctx, image)
		if err != nil {
			t.Fatal(err)
		}
		file, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		file.Config.Labels = nil
		configs = append(configs, file.Config)
	}
	if !reflect.DeepEqual(configs[0], configs[1]) {
		t.Errorf("the configs are\n%+v and\n%+v", configs[0], configs[1])
	}
}

// withoutMerge is a daemon that has no MergeOp, as the BuildKit of older engines.
type withoutMerge struct{ gateway.Client }

func (c withoutMerge) BuildOpts() gateway.BuildOpts {
	opts := c.Client.BuildOpts()
	var caps []*apicapspb.APICap
	for _, known := range pb.Caps.All() {
		supported := known.CloneVT()
		supported.Enabled = known.ID != string(pb.CapMergeOp)
		caps = append(caps, supported)
	}
	opts.LLBCaps = pb.Caps.CapSet(caps)
	return opts
}

func TestMergedAndCopiedImagesHoldTheSameFiles(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, reg, service := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.Service(t, "hello")
	carried, err := tools.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	build := frontend.New(frontend.Config{Tools: frontend.LocalTools(carried.Names), Version: "test"}).Build
	for _, o := range []variants.Request{variant("remote-src"), variant("sidecar"), inplace()} {
		var files []map[string]string
		for kind, build := range map[string]gateway.BuildFunc{
			"merged": build,
			"copied": func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
				return build(ctx, withoutMerge{c})
			},
		} {
			image := fmt.Sprintf("%s/hello:%s%s", kind, o.Variant.Name, o.Entry)
			solved, err := bk.Solve(ctx, testenv.Solve{
				Context: service, Build: build, Attrs: frontend.Attrs(o),
				Locals: carried.Mounts, Push: reg.Ref(image),
			})
			if err != nil {
				t.Fatalf("%s: %v\n%s", image, err, solved.Log)
			}
			files = append(files, filesOf(t, reg, image))
		}
		if !maps.Equal(files[0], files[1]) {
			t.Errorf("%s%s: the images hold\n%v and\n%v", o.Variant.Name, o.Entry, files[0], files[1])
		}
	}
}

func inplace() variants.Request {
	o := variant("remote")
	o.Entry = variants.EntryInplace
	return o
}

// filesOf describes every file of an image but for the times of folders, which the
// last layer that touches one decides.
func filesOf(t *testing.T, reg *testenv.Registry, image string) map[string]string {
	t.Helper()
	img, err := reg.Image(proctest.Context(t), image)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for h, err := range testenv.Entries(mutate.Extract(img)) {
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(h.Content)
		files[h.Name] = fmt.Sprintf("%c %o %d:%d %s %x", h.Typeflag, h.Mode, h.Uid, h.Gid, h.Linkname, sum[:6])
	}
	return files
}
