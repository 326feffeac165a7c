package registry

import (
	"errors"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"net/http"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

func TestMoveMovesAllTags(t *testing.T) {
	s := newServer(t)
	s.push("v1", foreign(t, "amd64"))
	s.push("v1-debug", ours(t, "amd64"))
	production := s.resolve("v1")
	img, index := ours(t, "amd64"), newIndex(t, ours(t, "amd64"), ours(t, "arm64"))
	s.push("pushed-1", img)
	s.push("pushed-2", index)

	client := New(WithProduction(s.ref("v1")))
	_, err := client.Move(proctest.Context(t), []Pending{
		{Ref: s.ref("v1-debug"), Digest: digestOf(t, img)},
		{Ref: s.ref("v1-debug-src"), Digest: digestOf(t, index)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for tag, want := range map[string]string{"v1": production, "v1-debug": digestOf(t, img), "v1-debug-src": digestOf(t, index)} {
		if got := s.resolve(tag); got != want {
			t.Errorf("tag %s names %s, want %s", tag, got, want)
		}
	}
}

func TestMoveMovesNothingIfAnythingIsWrong(t *testing.T) {
	good := ours(t, "amd64")
	tests := []struct {
		name    string
		second  func(s *server) Pending
		matches func(error) bool
	}{
		{"a foreign tag", func(s *server) Pending {
			s.push("v1-debug-src", foreign(t, "amd64"))
			return Pending{Ref: s.ref("v1-debug-src"), Digest: digestOf(t, good)}
		}, func(err error) bool { var e *NotOursError; return errors.As(err, &e) }},
		{"a production tag", func(s *server) Pending {
			return Pending{Ref: s.ref("v1"), Digest: digestOf(t, good)}
		}, func(err error) bool { var e *ProductionTagError; return errors.As(err, &e) }},
		{"nothing was pushed", func(s *server) Pending {
			return Pending{Ref: s.ref("v1-debug-src"), Digest: "sha256:" + strings.Repeat("0", 64)}
		}, func(err error) bool { var e *VerifyError; return errors.As(err, &e) }},
		{"one tag, two digests", func(s *server) Pending {
			return Pending{Ref: s.ref("v1-debug"), Digest: "sha256:" + strings.Repeat("0", 64)}
		}, func(err error) bool { return err != nil && strings.Contains(err.Error(), "different tags") }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			s.push("pushed", good)
			second := tt.second(s)
			s.answers(nil)
			_, err := New(WithProduction(s.ref("v1"))).Move(proctest.Context(t), []Pending{{Ref: s.ref("v1-debug"), Digest: digestOf(t, good)}, second})
			if !tt.matches(err) {
				t.Errorf("unexpected: %v", err)
			}
			if written := s.written(); len(written) != 0 {
				t.Errorf("written: %q", written)
			}
		})
	}
}

// refuses answers a write of one tag, and the deletions of all, with a status.
func refuses(tag string, code, deletion int) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/manifests/"+tag):
			w.WriteHeader(code)
		case r.Method == http.MethodDelete && deletion != 0:
			w.WriteHeader(deletion)
		default:
			return false
		}
		return true
	}
}

func TestMovePutsBackWhatItMovedBefore(t *testing.T) {
	s := newServer(t)
	old, img := ours(t, "amd64"), ours(t, "amd64")
	s.push("old-debug", old)
	s.push("pushed", img)
	s.answers(refuses("v1-debug-src", http.StatusForbidden, 0))
	digest := digestOf(t, img)
	_, err := New().Move(proctest.Context(t), []Pending{
		{Ref: s.ref("old-debug"), Digest: digest}, {Ref: s.ref("v1-debug"), Digest: digest},
		{Ref: s.ref("v1-debug-src"), Digest: digest}, {Ref: s.ref("v1-dbg"), Digest: digest},
	})
	var moved *MoveError
	if !errors.As(err, &moved) {
		t.Fatalf("got %v, want a MoveError", err)
	}
	if len(moved.PutBack) != 2 || len(moved.Moved) != 0 || len(moved.Left) != 1 || moved.Failed.Key() != s.ref("v1-debug-src").Key() {
		t.Errorf("got %+v", moved)
	}
	for _, part := range []string{
		"moving tag " + s.ref("v1-debug-src").String() + " failed (no tag was moved: " + s.ref("old-debug").String() + ", " + s.ref("v1-debug").String() + " put back)",
		"403", "docker login",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
	if s.resolve("old-debug") != digestOf(t, old) || s.resolve("v1-debug") != "" || s.resolve("v1-debug-src") != "" || s.resolve("v1-dbg") != "" {
		t.Error("a tag has moved")
	}
}

func TestMoveSaysWhichTagsCouldNotBePutBack(t *testing.T) {
	s := newServer(t)
	img := ours(t, "amd64")
	s.push("pushed", img)
	s.answers(refuses("v1-debug-src", http.StatusForbidden, http.StatusMethodNotAllowed))
	digest := digestOf(t, img)
	_, err := New().Move(proctest.Context(t), []Pending{{Ref: s.ref("v1-debug"), Digest: digest}, {Ref: s.ref("v1-debug-src"), Digest: digest}, {Ref: s.ref("v1-dbg"), Digest: digest}})
	for _, part := range []string{
		"(moved, and not put back: " + s.ref("v1-debug").String() + "; not moved: " + s.ref("v1-dbg").String() + "; putting back failed: tagging ", "405",
	} {
		if err == nil || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v does not say %q", err, part)
		}
	}
	if s.resolve("v1-debug") != digest || s.resolve("v1-debug-src") != "" || s.resolve("v1-dbg") != "" {
		t.Error("the tags are not what the error says")
	}
}

func TestMoveRefusesProductionTags(t *testing.T) {
	s := newServer(t)
	img := ours(t, "amd64")
	s.push("pushed", img)
	s.answers(nil)
	hub, err := Parse("app:v1")
	if err != nil {
		t.Fatal(err)
	}
	sameHub, err := Parse("index.docker.io/library/app:v1")
	if err != nil {
		t.Fatal(err)
	}
	other, err := Parse("registry.example/team/app:v1")
	if err != nil {
		t.Fatal(err)
	}
	sameOther, err := Parse("Registry.Example:443/team/app:v1")
	if err != nil {
		t.Fatal(err)
	}
	client := New(WithProduction(s.ref("v1"), hub, other))
	for _, ref := range []Reference{s.ref("v1"), sameHub, sameOther} {
		var production *ProductionTagError
		if _, err := client.Move(proctest.Context(t), []Pending{{Ref: ref, Digest: digestOf(t, img)}}); !errors.As(err, &production) {
			t.Errorf("%s: got %v, want a ProductionTagError", ref, err)
		}
	}
	if written := s.written(); len(written) != 0 {
		t.Errorf("written: %q", written)
	}
}

func TestMoveAsksAllRegistriesBeforeATagMoves(t *testing.T) {
	plain, secured := newServer(t), newTLSServer(t)
	img := ours(t, "amd64")
	digest := digestOf(t, img)
	client := New(WithInsecure(secured.ref("x").Host()))
	for _, s := range []*server{plain, secured} {
		s.push("pushed", img)
	}
	secured.push("v1-debug", foreign(t, "amd64"))
	for _, s := range []*server{plain, secured} {
		s.answers(nil)
	}
	_, err := client.Move(proctest.Context(t), []Pending{{Ref: plain.ref("v1-debug"), Digest: digest}, {Ref: secured.ref("v1-debug"), Digest: digest}})
	var notOurs *NotOursError
	if !errors.As(err, &notOurs) || notOurs.Ref.Key() != secured.ref("v1-debug").Key() {
		t.Errorf("got %v, want a NotOursError of the second registry", err)
	}
	if written := append(plain.written(), secured.written()...); len(written) != 0 {
		t.Errorf("written: %q", written)
	}
	if _, err := client.Move(proctest.Context(t), []Pending{{Ref: plain.ref("v1-dbg"), Digest: digest}, {Ref: secured.ref("v1-dbg"), Digest: digest}}); err != nil {
		t.Error(err)
	}
	if plain.resolve("v1-dbg") != digest || secured.resolve("v1-dbg") != digest {
		t.Error("the tags did not move in both registries")
	}
}

func TestMoveAsksForWhatTagsShareOnce(t *testing.T) {
	s := newServer(t)
	img := ours(t, "amd64")
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	changed := config.DeepCopy()
	changed.Config.Labels["variant"] = "another"
	other, err := mutate.ConfigFile(img, changed)
	if err != nil {
		t.Fatal(err)
	}
	s.push("pushed-1", img)
	s.push("pushed-2", other)
	var mu sync.Mutex
	asked := map[string]int{}
	s.answers(func(_ http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		asked[r.Method+" "+r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]++
		return false
	})
	_, err = New().Move(proctest.Context(t), []Pending{
		{Ref: s.ref("v1-debug"), Digest: digestOf(t, img)},
		{Ref: s.ref("v1-debug-src"), Digest: digestOf(t, other)},
	})
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		if n := asked["HEAD "+digestOf(t, layer)]; n != 1 {
			t.Errorf("the layer %s was asked for %d times, want once", digestOf(t, layer), n)
		}
	}
	for _, pushed := range []v1.Image{img, other} {
		if n := asked["GET "+digestOf(t, pushed)]; n != 1 {
			t.Errorf("the manifest %s was read %d times, want once", digestOf(t, pushed), n)
		}
	}
}
