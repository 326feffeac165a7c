package registry

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// leftovers are what would be deleted, in short.
func (s *server) leftovers(want ...string) []DebugImage {
	s.t.Helper()
	left, _, err := New().Leftovers(proctest.Context(s.t), s.ref("x"))
	if err != nil {
		s.t.Fatal(err)
	}
	var got []string
	for _, img := range left {
		got = append(got, fmt.Sprintf("%s %s %s", img.Tag, cmp.Or(img.ProductionTag, "-"), img.Status))
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("left over are %q, want %q", got, want)
	}
	return left
}

// attached are the manifests that are attached to a digest.
func (s *server) attached(digest string) int {
	s.t.Helper()
	index, err := remote.Referrers(s.name(s.ref("x")).Digest(digest), s.transport())
	if err != nil {
		s.t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		s.t.Fatal(err)
	}
	return len(manifest.Manifests)
}

func TestDebugTagsAreDeletedWithTheirLinks(t *testing.T) {
	onRegistries(t, func(t *testing.T, s *server) {
		for _, tag := range []string{"v1", "v2", "v3"} {
			s.push(tag, foreign(t, "amd64"))
		}
		shared := derived(t, "remote", "amd64", "")
		s.publish("v1-debug", "remote", "v1", shared)
		s.publish("v1-debug-src", "remote-src", "v1", derived(t, "remote-src", "amd64", ""))
		s.publish("v2-debug", "remote", "v2", derived(t, "remote", "amd64", ""))
		s.publish("v3-debug", "remote", "v3", shared)
		s.push("v2-dbg", foreign(t, "amd64"))
		s.push("v4-debug-attach", derived(t, "attach", "amd64", s.ref("v4").String()))
		s.push("v5-debug", derived(t, "remote", "amd64", "")) // whose production may be in another repository
		s.push("v6-debug", derived(t, "remote", "amd64", "other.example/app:v6"))
		s.push("v1-debug-attach", derived(t, "attach", "amd64", "")) // may belong to v1 as it is now
		first := s.resolve("v1")
		s.leftovers("v4-debug-attach v4 gone")

		s.push("v1", foreign(t, "amd64"))
		s.untag("v2")
		left := s.leftovers("v1-debug v1 stale", "v1-debug-src v1 stale", "v2-debug v2 gone", "v4-debug-attach v4 gone")
		for _, img := range left {
			err := New().Delete(proctest.Context(t), s.ref("x"), img)
			if s.byDigestOnly && img.Tag == "v1-debug" {
				if !errors.Is(err, errShared) {
					t.Errorf("got %v, want that another tag names the image", err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", img.Tag, err)
			}
		}
		if s.byDigestOnly {
			s.leftovers("v1-debug v1 stale")
			if s.resolve("v3-debug") == "" {
				t.Error("v3-debug is gone")
			}
			return
		}
		s.leftovers()
		for tag, there := range map[string]bool{
			"v1-debug": false, "v1-debug-src": false, "v2-debug": false, "v4-debug-attach": false,
			"v1": true, "v3": true, "v3-debug": true, "v2-dbg": true, "v1-debug-attach": true, "v5-debug": true, "v6-debug": true,
		} {
			if (s.resolve(tag) != "") != there {
				t.Errorf("%s is there: %v, want %v", tag, !there, there)
			}
		}
		if got := s.attached(first); got != 0 {
			t.Errorf("production's first image has %d links", got)
		}
		s.lists(":v3", "v3-debug remote current") // the image of v1-debug too
		if got := s.attached(digestOf(t, shared)); got != 1 {
			t.Errorf("the shared image has %d links, want that with v3", got)
		}
		if err := remoteGet(s, left[2].Digest); !isAbsent(err) {
			t.Errorf("the image that no tag names: %v", err)
		}
	})
}

// untag deletes a tag of an image that has no other.
func (s *server) untag(tag string) {
	s.t.Helper()
	ref := s.name(s.ref(tag))
	what := name.Reference(ref)
	if s.byDigestOnly {
		what = ref.Digest(s.resolve(tag))
	}
	err := remote.Delete(what, s.transport())
	if err != nil {
		s.t.Fatal(err)
	}
}

func remoteGet(s *server, digest string) error {
	_, err := remote.Get(s.name(s.ref("x")).Digest(digest), s.transport())
	return err
}

// refuseDeletion answers requests to delete what refuses says.
func (s *server) refuseDeletion(status int, refuses func(target string) bool) {
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodDelete || !refuses(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]) {
			return false
		}
		w.WriteHeader(status)
		return true
	})
}

// That is how Distribution is set up where nobody says otherwise.
func TestARegistryThatDeletesNothingSaysSo(t *testing.T) {
	for _, d := range []testenv.Distribution{testenv.Distribution2, testenv.Distribution3} {
		t.Run(d.String(), func(t *testing.T) {
			s := newDistribution(t, d, testenv.DistributionOptions{Undeletable: true})
			s.push("v1-debug", derived(t, "remote", "amd64", s.ref("v1").String()))
			left := s.leftovers("v1-debug v1 gone")
			err := New().Delete(proctest.Context(t), s.ref("x"), left[0])
			var refused *DeletionError
			if !errors.As(err, &refused) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "405") {
				t.Errorf("got %v, want a DeletionError on one line", err)
			}
			if s.resolve("v1-debug") == "" {
				t.Error("the tag is gone")
			}
		})
	}
}

// Distribution 2 deletes images by their digests only, with all their tags.
func TestImagesAreDeletedByDigestWhereTagsCannotBe(t *testing.T) {
	s := newServer(t)
	img := derived(t, "remote", "amd64", s.ref("v1").String())
	s.push("v1-debug", img)
	byDigestOnly := func() {
		s.refuseDeletion(http.StatusBadRequest, func(target string) bool { return !strings.HasPrefix(target, "sha256:") })
	}
	left := s.leftovers("v1-debug v1 gone")
	s.push("other", img)
	byDigestOnly()
	err := New().Delete(proctest.Context(t), s.ref("x"), left[0])
	if err == nil || !strings.Contains(err.Error(), "another tag names this one") {
		t.Errorf("got %v, want that another tag names the image", err)
	}
	if s.resolve("other") == "" || remoteGet(s, left[0].Digest) != nil {
		t.Error("the image is gone, with another tag")
	}
	s.answers(nil)
	if err := remote.Delete(s.name(s.ref("other")), s.transport()); err != nil {
		t.Fatal(err)
	}
	byDigestOnly()
	if err := New().Delete(proctest.Context(t), s.ref("x"), left[0]); err != nil {
		t.Error(err)
	}
	if err := remoteGet(s, left[0].Digest); !isAbsent(err) {
		t.Errorf("the image is there: %v", err)
	}
}

func TestATagThatIsNotOursAnyMoreIsNotDeleted(t *testing.T) {
	s := newServer(t)
	s.push("v1-debug", derived(t, "remote", "amd64", s.ref("v1").String()))
	left := s.leftovers("v1-debug v1 gone")
	s.push("v1-debug", foreign(t, "amd64"))
	if err := New().Delete(proctest.Context(t), s.ref("x"), left[0]); err == nil || !strings.Contains(err.Error(), "has moved") {
		t.Errorf("got %v, want that the tag has moved", err)
	}
	// Whoever calls may be wrong too.
	lie := left[0]
	sum := *lie.Summary
	sum.Digest = s.resolve("v1-debug")
	lie.Summary = &sum
	var notOurs *NotOursError
	if err := New().Delete(proctest.Context(t), s.ref("x"), lie); !errors.As(err, &notOurs) {
		t.Errorf("got %v, want a NotOursError", err)
	}
	var production *ProductionTagError
	if err := New(WithProduction(s.ref("v1-debug"))).Delete(proctest.Context(t), s.ref("x"), lie); !errors.As(err, &production) {
		t.Errorf("got %v, want a ProductionTagError", err)
	}
	if s.resolve("v1-debug") == "" {
		t.Error("the tag is gone")
	}
}
