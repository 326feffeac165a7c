package registry

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// conditional makes the server one that heeds the conditions of a write.
func conditional(s *server) {
	inner := s.Config.Handler
	var mu sync.Mutex
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/manifests/") {
			inner.ServeHTTP(w, r)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		ask, now := r.Clone(r.Context()), httptest.NewRecorder()
		ask.Method, ask.Body = http.MethodHead, http.NoBody
		inner.ServeHTTP(now, ask)
		etag := ""
		if now.Code == http.StatusOK {
			etag = `"` + now.Header().Get("Docker-Content-Digest") + `"`
		}
		match, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
		if match != "" && match != etag || none == "*" && etag != "" {
			w.WriteHeader(http.StatusPreconditionFailed)
			return
		}
		if r.Method == http.MethodGet {
			w.Header().Set("ETag", etag)
		}
		inner.ServeHTTP(w, r)
	})
}

// TestOfManyPublishersOneHasTheTag publishes many images with one debug tag at a time, of which
// all were built when the tag was absent.
func TestOfManyPublishersOneHasTheTag(t *testing.T) {
	for name, heeds := range map[string]bool{"conditional writes": true, "no conditional writes": false} {
		t.Run(name, func(t *testing.T) {
			s := newUnstarted(t)
			if heeds {
				conditional(s)
			}
			s.Start()
			s.push("v1", foreign(t, "amd64"))
			var images []v1.Image
			for i := range 20 {
				images = append(images, ours(t, "amd64"))
				s.push(fmt.Sprintf("pushed-%d", i), images[i])
			}
			ref := s.ref("v1-debug")
			var built, done sync.WaitGroup
			built.Add(len(images))
			errs := make([]error, len(images))
			for i, img := range images {
				done.Go(func() {
					c := New(fast)
					err := c.Guard(proctest.Context(t), ref)
					built.Done()
					built.Wait()
					if err == nil {
						_, err = c.Move(proctest.Context(t), []Pending{{Ref: ref, Digest: digestOf(t, img), Link: Link{ProductionTag: "v1", Variant: "remote", Preset: "remote"}}})
					}
					errs[i] = err
				})
			}
			done.Wait()
			var winners []string
			for i, err := range errs {
				var moved *MovedError
				switch {
				case err == nil:
					winners = append(winners, digestOf(t, images[i]))
				case !errors.As(err, &moved) || moved.Now == "":
					t.Errorf("got %v, want that the tag has moved", err)
				}
			}
			if heeds && len(winners) != 1 {
				t.Errorf("%d have moved the tag", len(winners))
			}
			if now := s.resolve("v1-debug"); !slices.Contains(winners, now) {
				t.Errorf("the tag names %s, of %q", now, winners)
			}
			if err := New().Verify(proctest.Context(t), ref, s.resolve("v1-debug")); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestATagThatSomebodyMovedMeanwhileStays moves a tag between the first look at it and the
// write.
func TestATagThatSomebodyMovedMeanwhileStays(t *testing.T) {
	tests := []struct {
		name    string
		theirs  func(t *testing.T, mine v1.Image) v1.Image // nil: deleted
		matches func(error) bool
	}{
		{"to another debug image", func(t *testing.T, _ v1.Image) v1.Image { return ours(t, "amd64") }, func(err error) bool {
			var moved *MovedError
			return errors.As(err, &moved) && strings.Contains(err.Error(), "build again to replace it")
		}},
		{"to a foreign image", func(t *testing.T, _ v1.Image) v1.Image { return foreign(t, "amd64") }, func(err error) bool {
			var foreign *NotOursError
			return errors.As(err, &foreign)
		}},
		{"to the same image", func(_ *testing.T, mine v1.Image) v1.Image { return mine }, func(err error) bool { return err == nil }},
		{"to nothing", nil, func(err error) bool {
			var moved *MovedError
			return errors.As(err, &moved) && strings.Contains(err.Error(), "was deleted while")
		}},
	}
	for _, tt := range tests {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, in the last moment: %t", tt.name, late), func(t *testing.T) {
				s := newUnstarted(t)
				conditional(s)
				heeds, meddle, want := s.Config.Handler, func() {}, ""
				var once sync.Once
				s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("If-Match") != "" {
						once.Do(meddle)
					}
					heeds.ServeHTTP(w, r)
				})
				s.Start()
				mine := ours(t, "amd64")
				s.push("pushed", mine)
				s.push("v1-debug", ours(t, "amd64"))
				c, ref := New(fast), s.ref("v1-debug")
				if err := c.Guard(proctest.Context(t), ref); err != nil {
					t.Fatal(err)
				}
				meddle = func() {
					if tt.theirs == nil {
						if err := remote.Delete(s.name(ref)); err != nil {
							t.Error(err)
						}
						return
					}
					theirs := tt.theirs(t, mine)
					s.push("v1-debug", theirs)
					want = digestOf(t, theirs)
				}
				if !late {
					once.Do(meddle)
				}
				_, err := c.Move(proctest.Context(t), []Pending{{Ref: ref, Digest: digestOf(t, mine)}})
				if !tt.matches(err) {
					t.Errorf("got %v", err)
				}
				if now := s.resolve("v1-debug"); now != want {
					t.Errorf("the tag names %s, want %s", now, want)
				}
			})
		}
	}
}
