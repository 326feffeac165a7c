package production

import (
	"context"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// contextClient has the files of a build context, and no builder: any other call than what
// reads the context panics.
type contextClient struct {
	client.Client
	opts  map[string]string
	files map[string]string
}

func (c contextClient) BuildOpts() client.BuildOpts {

	return client.BuildOpts{
		Opts: c.opts, LLBCaps: pb.Caps.CapSet(pb.Caps.All()), Caps: gwpb.Caps.CapSet(gwpb.Caps.All()),
		Workers: []client.WorkerInfo{{Platforms: []ocispecs.Platform{{OS: "linux", Architecture: "amd64"}}}},
	}
}

func (c contextClient) Inputs(context.Context) (map[string]llb.State, error) { return nil, nil }

func (c contextClient) Solve(_ context.Context, req client.SolveRequest) (*client.Result, error) {
	res := client.NewResult()
	res.SetRef(&contextFiles{files: c.files, local: len(req.Definition.Def) == 2}) // the source, and what returns it
	return res, nil
}

// contextFiles are those of the context where the definition is that alone.
type contextFiles struct {
	client.Reference
	files map[string]string
	local bool
}

func (f *contextFiles) ReadFile(_ context.Context, req client.ReadRequest) ([]byte, error) {
	if text, ok := f.files[req.Filename]; ok && f.local {
		return []byte(text), nil
	}
	return nil, fs.ErrNotExist
}

func (f *contextFiles) StatFile(_ context.Context, req client.StatRequest) (*fstypes.Stat, error) {
	return &fstypes.Stat{Path: req.Path, Size: int64(len(f.files[req.Path]))}, nil
}

func load(t *testing.T, dockerfile string, opts map[string]string) (*Production, error) {
	t.Helper()
	return Dockerfile{}.Load(t.Context(), contextClient{opts: opts, files: map[string]string{"Dockerfile": dockerfile}})
}

func TestAProductionIsADefinitionAConfigAndABase(t *testing.T) {
	const dockerfile = "FROM scratch\nCOPY server /server\nENV A=b\nENTRYPOINT [\"/server\"]\n"
	for asked, suffixes := range map[string][]string{"": {""}, "linux/amd64,linux/arm64": {"/linux/amd64", "/linux/arm64"}} {
		p, err := load(t, dockerfile, map[string]string{"cmdline": "", "platform": asked})
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != "the Dockerfile" || len(p.Images) != len(suffixes) {
			t.Fatalf("%s: %+v", asked, p)
		}
		for i, img := range p.Images {
			config := img.Config.Config
			if img.Suffix != suffixes[i] || img.Platform.OS != "linux" || !slices.Equal(config.Entrypoint, []string{"/server"}) || !slices.Contains(config.Env, "A=b") {
				t.Errorf("%s: %+v, %+v", asked, img, config)
			}
			if img.Base == nil || img.Base.Architecture != "" || len(img.Solve.Definition.GetDef()) < 3 {
				t.Errorf("%s: the base is %+v, of %d ops", asked, img.Base, len(img.Solve.Definition.GetDef()))
			}
		}
	}
}

func TestAFileForAnotherFrontendIsNoProduction(t *testing.T) {
	_, err := load(t, "# syntax=registry.example/other:1\nimage: x\n", map[string]string{"cmdline": ""})
	if err == nil || !strings.Contains(err.Error(), "is written for the frontend registry.example/other:1") {
		t.Errorf("%v", err)
	}
}

func TestAnEmptyImageIsNoProduction(t *testing.T) {
	r := &recorder{requests: map[client.Reference]client.SolveRequest{}}
	res := client.NewResult()
	res.AddMeta("refs.platforms", []byte(`{"Platforms":[{"ID":"linux/amd64","Platform":{"os":"linux","architecture":"amd64"}}]}`))
	if _, err := imagesOf(res, r.requests); err == nil || !strings.Contains(err.Error(), "the image for linux/amd64 is empty") {
		t.Errorf("%v", err)
	}
}
