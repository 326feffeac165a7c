package session

import (
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/variants"
)

// TestATagMakesADebugImage shows that no label does, which whoever made the image wrote.
func TestATagMakesADebugImage(t *testing.T) {
	const digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	p := newProduction("reg.example/app:v1", digest, []string{"reg.example/app:v1", "app:latest"}, nil)
	for name, test := range map[string]struct {
		tags      []string
		reference string // of the label
		want      string
	}{
		"the variant's tag":                       {[]string{"other:x", "reg.example/app:v1-debug-sidecar"}, "", "reg.example/app:v1-debug-sidecar"},
		"a tag of the user's own, and its label":  {[]string{"app:dbg"}, "docker.io/library/app:latest", "app:dbg"},
		"a tag of the user's own, and no label":   {[]string{"app:dbg"}, "", ""},
		"of another tag":                          {[]string{"reg.example/app:v2-debug-sidecar"}, "reg.example/app:v2", ""},
		"a stranger's image with production's":    {[]string{"evil.example/app:v1-debug-sidecar"}, "reg.example/app:v1", ""},
		"without a tag":                           {nil, "reg.example/app:v1", ""},
		"of the registry's tag, named as another": {[]string{"app:v1-debug-sidecar"}, "reg.example/app:v1", ""},
	} {
		l := variants.Labels{Kind: variants.KindSidecar, Reference: test.reference}
		if got := p.debugTag(test.tags, l); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
	if len(p.Tags) != 2 || p.Digest() != digest {
		t.Errorf("%+v", p)
	}
	byID := newProduction("0123456789ab", "sha256:0123456789abcdef", nil, []string{"reg.example/app@" + digest})
	if len(byID.Tags) != 0 || byID.Digest() != digest || !byID.hasDigest(digest) || byID.hasDigest("") {
		t.Errorf("%+v", byID)
	}
}

func TestADebuggerThatNothingReaches(t *testing.T) {
	for listen, want := range map[string]int{":8000": 8000, "0.0.0.0:4000": 4000, "[::]:4000": 4000, "127.0.0.1:4000": 0, "localhost:1": 0} {
		port, err := Image{Ref: "app:v1-debug", Labels: variants.Labels{Listen: listen}}.Port()
		if port != want || (err == nil) != (want != 0) {
			t.Errorf("%s: got %d, %v", listen, port, err)
		}
	}
}

func TestPlatformsAreComparedWithoutTheirVariant(t *testing.T) {
	for platform, want := range map[string]string{"linux/amd64": "linux/amd64", "linux/arm64/v8": "linux/arm64", "linux/arm/v7": "linux/arm"} {
		if got := osArch(platform); got != want {
			t.Errorf("%s: got %s", platform, got)
		}
	}
}

func TestAMissingImageIsMadeByACommand(t *testing.T) {
	const digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	here := newProduction("app:v1", digest, []string{"app:v1"}, nil)
	pushed := newProduction("reg.example/app:v1", digest, []string{"reg.example/app:v1"}, []string{"reg.example/app@" + digest})
	for want, e := range map[string]*NoImageError{
		"`dlvgen build -t app:v1 --variant remote --load .`":              {Production: here, Kind: variants.KindRemote},
		"`dlvgen build -t app:v1 --variant sidecar --push .`":             {Production: here, Kind: variants.KindSidecar, Pod: true},
		"`dlvgen build -t reg.example/app:v1 --variant sidecar --push .`": {Production: pushed, Kind: variants.KindSidecar},
	} {
		if got := e.Error(); !strings.HasSuffix(got, ": make one with "+want+", or with `dlvgen debug --build`, or without its Dockerfile with `dlvgen debug --derive`") {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
