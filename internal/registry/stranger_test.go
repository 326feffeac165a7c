package registry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Without the referrers API, what is attached to an image is a tag that anybody may have
// pushed.
func TestWhatIsListedAsALinkAndIsNoneIsNotDeleted(t *testing.T) {
	s := newUnstarted(t, registry.WithReferrersSupport(false))
	s.Start()
	victim := foreign(t, "amd64")
	s.push("v1", victim)
	debug := derived(t, "remote", "amd64", s.ref("v0").String())
	s.push("v0-debug", debug)
	hash, err := victim.Digest()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{{
		MediaType: types.OCIManifestSchema1, ArtifactType: LinkType, Digest: hash, Size: 2,
		Annotations: map[string]string{
			annotationProductionTag: "v0", variants.LabelProductionDigest: "sha256:" + strings.Repeat("0", 64),
			annotationDebugTag: "v0-debug", annotationDebugDigest: digestOf(t, debug),
			variants.LabelVariant: "remote", variants.LabelPreset: "remote", variants.LabelVersion: "v1",
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	s.push(fallbackTag(digestOf(t, debug)), &joined{raw: raw, descriptor: Descriptor{MediaType: types.OCIImageIndex}})
	left := s.leftovers("v0-debug v0 gone")
	if err := New().Delete(proctest.Context(t), s.ref("x"), left[0]); err != nil {
		t.Error(err)
	}
	if err := remoteGet(s, hash.String()); err != nil || s.resolve("v0-debug") != "" {
		t.Errorf("the debug tag is there, or production's image is gone: %v", err)
	}
}

func TestAnImageOfAnIndexIsNotDeleted(t *testing.T) {
	s := newServer(t)
	img := derived(t, "remote", "amd64", s.ref("v1-amd64").String())
	s.push("v1-amd64-debug", img)
	s.push("v1", foreign(t, "amd64"))
	s.push("v1-debug", newIndex(t, img)) // as docker manifest makes one of the tags of each platform
	left := s.leftovers("v1-amd64-debug v1-amd64 gone")
	if err := New().Delete(proctest.Context(t), s.ref("x"), left[0]); err != nil {
		t.Error(err)
	}
	if err := remoteGet(s, digestOf(t, img)); err != nil || s.resolve("v1-amd64-debug") != "" {
		t.Errorf("the tag is there, or the image that an index has is gone: %v", err)
	}
}

func TestADebugTagWhoseProductionIsThereStays(t *testing.T) {
	s := newServer(t)
	s.push("sha256-0a1b2c", foreign(t, "amd64")) // nothing is attached to such a tag
	s.push("sha256-0a1b2c-debug", derived(t, "remote", "amd64", s.ref("sha256-0a1b2c").String()))
	s.push("v1-debug", derived(t, "remote", "amd64", s.ref("v1").String()))
	left := s.leftovers("v1-debug v1 gone")
	s.push("v1", foreign(t, "amd64"))
	if err := New().Delete(proctest.Context(t), s.ref("x"), left[0]); err == nil || !strings.Contains(err.Error(), "v1 is there") {
		t.Errorf("got %v, want that production's tag is there", err)
	}
	if s.resolve("v1-debug") == "" {
		t.Error("the tag is gone")
	}
}

// A registry, or who can push to one, decides how large an answer is.
func TestAnswersHaveAnEnd(t *testing.T) {
	s := newServer(t)
	index := newIndex(t, ours(t, "amd64"))
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	wide := manifest.DeepCopy()
	for len(wide.Manifests) <= maxManifests {
		wide.Manifests = append(wide.Manifests, wide.Manifests[0])
	}
	s.push("index", index)
	raw, err := json.Marshal(wide)
	if err != nil {
		t.Fatal(err)
	}
	s.push("wide", &joined{raw: raw, descriptor: Descriptor{MediaType: types.OCIImageIndex}})
	s.push("config", largeConfig(t, ours(t, "amd64")))
	for tag, says := range map[string]string{"wide": "more than 1000 manifests", "config": "bytes, and a config has", "large": "too large"} {
		s.answers(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/manifests/large") {
				return false
			}
			w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
			for range 9 {
				_, _ = w.Write(make([]byte, 1<<20))
			}
			return true
		})
		if _, err := New().Plans(proctest.Context(t), s.ref(tag), ""); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", tag, err, says)
		}
	}
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/tags/list") {
			return false
		}
		w.Header().Set("Link", fmt.Sprintf("<%s?last=v1>; rel=next", r.URL.Path))
		_, _ = w.Write([]byte(`{"name":"team/app","tags":["v1"]}`))
		return true
	})
	if _, _, err := New(fast).Leftovers(proctest.Context(t), s.ref("x")); err == nil || !strings.Contains(err.Error(), "does not end") {
		t.Errorf("got %v, want that the list does not end", err)
	}
}

// largeConfig says of an image's config that it is larger than it is.
func largeConfig(t *testing.T, img v1.Image) *joined {
	t.Helper()
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	m = m.DeepCopy()
	m.Config.Size = 1 << 40
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return &joined{raw: raw, descriptor: Descriptor{MediaType: m.MediaType}}
}
