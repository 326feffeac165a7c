package production

import (
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/derive/gatewaytest"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

const publishedDigest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// TestAPublishedImageIsAProduction has one that sets no PATH, and instructions for images that
// are built from it: neither is of any effect, as it would be behind FROM.
func TestAPublishedImageIsAProduction(t *testing.T) {
	image := ocispecs.ImageConfig{Entrypoint: []string{"/server"}, Env: []string{"A=b"}, Labels: map[string]string{"a": "b"}}
	ref := "registry.example/app:v1@" + publishedDigest
	for asked, suffixes := range map[string][]string{"": {""}, "linux/amd64,linux/arm64": {"/linux/amd64", "/linux/arm64"}} {
		c := &gatewaytest.Client{T: t, Opts: map[string]string{"platform": asked, "label:c": "d", "build-arg:SOURCE_DATE_EPOCH": "7"}, Images: map[string]ocispecs.ImageConfig{ref: image}}
		source := Published{Ref: ref}
		p, err := source.Load(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != "registry.example/app:v1" || p.Published == nil || len(p.Images) != len(suffixes) {
			t.Fatalf("%s: %+v", asked, p)
		}
		for i, img := range p.Images {
			config := img.Config.Config
			if img.Suffix != suffixes[i] || !slices.Equal(config.Env, image.Env) || !slices.Equal(config.Entrypoint, image.Entrypoint) ||
				config.Labels["a"] != "b" || config.Labels["c"] != "d" || len(img.Base.Config.Labels) != 1 || img.Epoch == nil || img.Epoch.Unix() != 7 {
				t.Errorf("%s: %+v, %+v", asked, img, config)
			}
			def := img.Solve.Definition.Def
			var op pb.Op
			if err := op.UnmarshalVT(def[0]); err != nil || len(def) != 2 || !strings.HasPrefix(op.GetSource().GetIdentifier(), "docker-image://registry.example/app:v1@sha256:") {
				t.Errorf("%s: the definition is %s, %v", asked, op.String(), err)
			}
			if want := strings.TrimPrefix(suffixes[i], "/linux/"); want != "" && op.Platform.Architecture != want {
				t.Errorf("%s is of %s", want, op.Platform.Architecture)
			}
		}
	}
}

func TestTheNameOfAPublishedImage(t *testing.T) {
	for ref, want := range map[string][2]string{
		"app":                     {"docker.io/library/app", ""},
		"registry.example/app:v1": {"registry.example/app:v1", ""},
		"registry.example/app@" + publishedDigest:         {"registry.example/app", publishedDigest},
		"registry.example:5000/app:v1@" + publishedDigest: {"registry.example:5000/app:v1", publishedDigest},
	} {
		if name, digest := (Published{Ref: ref}).Named(); name != want[0] || digest.String() != want[1] {
			t.Errorf("%s: %s and %s", ref, name, digest)
		}
	}
}
