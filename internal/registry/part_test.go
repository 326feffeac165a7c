package registry

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Nodes report the digest of the index that they pulled, or that of their platform's image.
func TestTheImageOfOnePlatformLeadsToTheDebugImages(t *testing.T) {
	onRegistries(t, func(t *testing.T, s *server) {
		amd64, arm64 := foreign(t, "amd64"), foreign(t, "arm64")
		production := newIndex(t, amd64, arm64)
		s.push("v1", production)
		debug := derived(t, "remote", "amd64", s.ref("v1").String())
		s.publish("v1-debug", "remote", "v1", newIndex(t, debug, derived(t, "remote", "arm64", s.ref("v1").String())))
		for _, img := range []v1.Image{amd64, arm64, debug} {
			s.lists("@"+digestOf(t, img), "v1-debug remote current")
		}
		if got := s.attached(digestOf(t, arm64)); got != 1 {
			t.Errorf("the image for arm64 has %d parts, want 1", got)
		}
		list, err := New().List(proctest.Context(t), s.ref("x"), digestOf(t, arm64))
		if err != nil || list.Part != digestOf(t, arm64) || list.Production.Digest != digestOf(t, production) {
			t.Errorf("listed %+v, %v", list, err)
		}

		// Of another index with an image that is the same, the debug images are others.
		second := newIndex(t, amd64, foreign(t, "arm64"))
		s.push("v1", second)
		s.publish("v1-debug-src", "remote-src", "v1", derived(t, "remote-src", "amd64", ""))
		s.lists("@"+digestOf(t, arm64), "v1-debug remote stale")
		s.lists("@"+digestOf(t, amd64), "v1-debug remote stale", "v1-debug-src remote-src current")

		left := s.leftovers("v1-debug v1 stale")
		if err := New().Delete(proctest.Context(t), s.ref("x"), left[0]); err != nil {
			t.Fatal(err)
		}
		if got := s.attached(digestOf(t, arm64)); got != 0 {
			t.Errorf("the image for arm64 has %d parts of what has no debug image", got)
		}
		s.lists("@"+digestOf(t, amd64), "v1-debug-src remote-src current")
	})
}

// Derived from the image of one platform, it belongs to the whole that the tag names.
func TestWhatIsDerivedFromOnePlatformIsLinkedWithTheWhole(t *testing.T) {
	s := newServer(t)
	arm64 := foreign(t, "arm64")
	production := newIndex(t, foreign(t, "amd64"), arm64)
	s.push("v1", production)
	debug := derived(t, "remote", "arm64", "")
	s.push("pushed", debug)
	pending := []Pending{{Ref: s.ref("v1-debug"), Digest: digestOf(t, debug), Link: Link{
		ProductionTag: "v1", ProductionDigest: digestOf(t, arm64), Variant: "remote", Preset: "remote", Version: "v1.0.0",
	}}}
	if done, err := New().Move(proctest.Context(t), pending); err != nil || done[0].Err != nil || done[0].ProductionDigest != digestOf(t, production) {
		t.Errorf("linked %+v, %v", done, err)
	}
	s.lists(":v1", "v1-debug remote current")
}

// Production may be of a build without dlvgen, and its debug images pushed by buildx.
func TestTheImageOfOnePlatformIsFoundByTags(t *testing.T) {
	s := newServer(t)
	amd64 := foreign(t, "amd64")
	s.push("v1", newIndex(t, amd64, foreign(t, "arm64")))
	s.push("v1-debug", derived(t, "remote", "amd64", ""))
	s.push("other", foreign(t, "amd64"))
	s.lists("@"+digestOf(t, amd64), "v1-debug remote unlinked")
	s.lists("@" + s.resolve("other"))

	var asked atomic.Int32
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodHead {
			asked.Add(1)
		}
		if !strings.HasSuffix(r.URL.Path, "/tags/list") {
			return false
		}
		var tags []string
		for i := range maxSearched + 1 {
			tags = append(tags, fmt.Sprintf("%q", fmt.Sprintf("t%d", i)))
		}
		_, _ = fmt.Fprintf(w, `{"name": "team/app", "tags": [%s]}`, strings.Join(tags, ","))
		return true
	})
	list, err := New().List(proctest.Context(t), s.ref("x"), digestOf(t, amd64))
	if err != nil || list.Unsearched != maxSearched+1 || len(list.Images) != 0 || asked.Load() != 0 {
		t.Errorf("%d tags were asked for; listed %+v, %v", asked.Load(), list, err)
	}
}

// Whoever can push to a repository can say that an image is part of another.
func TestPartsOfStrangersAreNotTrusted(t *testing.T) {
	s := newServer(t)
	victim := foreign(t, "amd64")
	s.push("victim", victim)
	s.push("v1", newIndex(t, foreign(t, "amd64")))
	s.publish("v1-debug", "remote", "v1", derived(t, "remote", "amd64", ""))
	subject := v1.Descriptor{MediaType: types.DockerManifestSchema2, Digest: v1.Hash{Algorithm: "sha256", Hex: strings.TrimPrefix(digestOf(t, victim), "sha256:")}}
	repo := s.name(s.ref("x")).Repository
	say := func(wholes ...string) {
		t.Helper()
		for _, whole := range wholes {
			img, err := part(subject, whole)
			if err == nil {
				err = remote.Push(repo.Digest(digestOf(t, img)), img, s.transport())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	say(s.resolve("v1"), s.resolve("v1-debug"), "sha256:"+strings.Repeat("0", 64), "sha256:../../x", digestOf(t, victim), "")
	s.lists("@" + digestOf(t, victim))

	for i := range 2 * maxWholes {
		say(fmt.Sprintf("sha256:%064x", i+1))
	}
	var reads atomic.Int32
	s.answers(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/manifests/sha256:00000000") {
			reads.Add(1)
		}
		return false
	})
	s.lists("@" + digestOf(t, victim))
	if got := reads.Load(); got == 0 || got > maxWholes {
		t.Errorf("%d manifests were read for what strangers attached, want %d at most", got, maxWholes)
	}
}
