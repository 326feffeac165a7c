package production

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dlvgen/dlvgen/internal/derive/gatewaytest"
	"github.com/moby/buildkit/frontend/gateway/client"
)

func load(t *testing.T, dockerfile string, opts map[string]string) (*Production, error) {
	t.Helper()
	files := fstest.MapFS{"Dockerfile": {Data: []byte(dockerfile)}}
	return Dockerfile{}.Load(t.Context(), &gatewaytest.Client{T: t, Opts: opts, Context: files})
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

// TestAFileForThisFrontendIsAProduction has a syntax line that names the image that runs, which
// BUILDKIT_SYNTAX names with other options.
func TestAFileForThisFrontendIsAProduction(t *testing.T) {
	opts := map[string]string{"source": "mirror.example/debugger:1", "cmdline": "mirror.example/debugger:1 --variant=remote"}
	_, err := load(t, "# syntax=mirror.example/debugger:1 --variant=attach\nFROM scratch\nCOPY server /server\n", opts)
	if err != nil {
		t.Error(err)
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
