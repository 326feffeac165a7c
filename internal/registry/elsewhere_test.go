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
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// in is a reference on the server: "team/app-debug:v1".
func (s *server) in(image string) Reference {
	s.t.Helper()
	ref, err := Parse(s.Listener.Addr().String() + "/" + image)
	if err != nil {
		s.t.Fatal(err)
	}
	return ref
}

// put pushes an image, and returns its digest.
func (s *server) put(image string, what interface {
	digester
	remote.Taggable
}) string {
	s.t.Helper()
	if err := remote.Push(s.name(s.in(image)), what, s.transport()); err != nil {
		s.t.Fatal(err)
	}
	return digestOf(s.t, what)
}

// publishAt moves a debug tag to an image whose production is in another repository.
func (s *server) publishAt(debug, variant, production string, what interface {
	digester
	remote.Taggable
}) Attachment {
	s.t.Helper()
	ref, from := s.in(debug), s.in(production)
	if err := remote.Push(s.name(ref).Digest(digestOf(s.t, what)), what, s.transport()); err != nil {
		s.t.Fatal(err)
	}
	done, err := New(fast).Move(proctest.Context(s.t), []Pending{{Ref: ref, Digest: digestOf(s.t, what), Link: Link{
		ProductionTag: from.tag, ProductionRepository: ref.Other(from), Variant: variant, Preset: variant, Version: "v1.0.0",
	}}})
	if err != nil || len(done) != 1 {
		s.t.Fatalf("moving %s: %v, %v", debug, done, err)
	}
	return done[0]
}

// listed are the rows of a listing, with paths of repositories, and what was not read.
func (s *server) listed(image string) (rows []string, unread []error) {
	s.t.Helper()
	ref, digest, err := ParseImage(s.Listener.Addr().String() + "/" + image)
	if err != nil {
		s.t.Fatal(err)
	}
	list, err := New(fast).List(proctest.Context(s.t), ref, digest)
	if err != nil {
		s.t.Fatal(err)
	}
	if list.Production != nil {
		rows = append(rows, list.Repository.path+":"+list.ProductionTag)
	}
	for _, img := range list.Images {
		rows = append(rows, fmt.Sprintf("%s:%s %s %s", img.Repository.path, cmp.Or(img.Tag, "-"), img.Preset(), img.Status))
	}
	return rows, list.Unread
}

func (s *server) listsAll(image string, want ...string) {
	s.t.Helper()
	if got, unread := s.listed(image); !slices.Equal(got, want) || len(unread) > 0 {
		s.t.Errorf("%s lists\n%q, want\n%q, unread %v", image, got, want, unread)
	}
}

func TestDebugImagesInAnotherRepository(t *testing.T) {
	onRegistries(t, func(t *testing.T, s *server) {
		first := s.put("team/app:v1", foreign(t, "amd64"))
		s.put("team/app-debug:other", foreign(t, "amd64"))
		s.publish("v1-debug-attach", "attach", "v1", derived(t, "attach", "amd64", ""))
		debug := derived(t, "remote", "amd64", s.in("team/app:v1").String())
		done := s.publishAt("team/app-debug:v1", "remote", "team/app:v1", debug)
		if done.Err != nil || done.ProductionDigest != first || done.Production.Key() != s.in("team/app:v1").Key() {
			t.Fatalf("not linked: %+v", done)
		}
		s.publishAt("team/app-debug:v1-src", "remote-src", "team/app:v1", derived(t, "remote-src", "amd64", ""))
		s.put("team/app-debug:v1-sidecar", derived(t, "sidecar", "amd64", s.in("team/app:v1").String())) // by buildx
		s.put("team/app-debug:v1-other", derived(t, "sidecar", "amd64", s.in("team/other:v1").String()))
		all := []string{
			"team/app:v1", "team/app-debug:v1 remote current", "team/app-debug:v1-src remote-src current",
			"team/app:v1-debug-attach attach current", "team/app-debug:v1-sidecar sidecar unlinked",
		}
		for _, image := range []string{"team/app:v1", "team/app-debug:v1", "team/app-debug:v1-sidecar", "team/app:v1-debug-attach", "team/app-debug@" + digestOf(t, debug)} {
			s.listsAll(image, all...)
		}
		s.listsAll("team/app@"+first, "team/app:", all[1], all[2], all[3])

		s.put("team/app:v1", foreign(t, "amd64")) // the next build
		s.listsAll("team/app-debug:v1",
			"team/app:v1", "team/app-debug:v1 remote stale", "team/app-debug:v1-src remote-src stale",
			"team/app:v1-debug-attach attach stale", "team/app-debug:v1-sidecar sidecar unlinked")
		s.listsAll("team/app@"+first, "team/app:",
			"team/app-debug:v1 remote stale", "team/app-debug:v1-src remote-src stale", "team/app:v1-debug-attach attach stale")
	})
}

func TestAttachFindsProductionInAnotherRepository(t *testing.T) {
	s := newServer(t)
	s.put("team/app:v1", foreign(t, "amd64"))
	s.put("team/app:v2", foreign(t, "amd64"))
	for _, test := range []struct{ tag, label, production, want string }{
		{"v1", "team/app:v1", "", "team/app:v1"},
		{"v1-debug", "team/app:v1", "", "team/app:v1"}, // the suffix leaves a tag that is not there
		{"x", "team/app:v1", "team/app:v2", "team/app:v2"},
		{"y", "", "team/app:v2", "team/app:v2"},
		{"z", "", "", ""},
	} {
		label, production := "", test.production
		if test.label != "" {
			label = s.in(test.label).String()
		}
		if production != "" {
			production = s.in(production).String()
		}
		s.put("team/app-debug:"+test.tag, derived(t, "remote", "amd64", label))
		done, err := New().Attach(proctest.Context(t), s.in("team/app-debug:"+test.tag), "", production)
		switch {
		case test.want == "" && (err == nil || !strings.Contains(err.Error(), "--production")):
			t.Errorf("%+v: got %v", test, err)
		case test.want != "" && (err != nil || done.Production.Key() != s.in(test.want).Key() || done.ProductionDigest == ""):
			t.Errorf("%+v: got %+v, %v", test, done, err)
		}
	}
	s.listsAll("team/app:v2", "team/app:v2", "team/app-debug:x remote current", "team/app-debug:y remote current")
	// Another registry is asked only if it is named.
	s.put("team/app-debug:far", derived(t, "remote", "amd64", "registry.invalid/app:v1"))
	if _, err := New().Attach(proctest.Context(t), s.in("team/app-debug:far"), "", ""); err == nil || !strings.Contains(err.Error(), "--production") {
		t.Errorf("got %v", err)
	}
	far := newServer(t)
	far.put("prod/app:v1", foreign(t, "amd64"))
	if done, err := New().Attach(proctest.Context(t), s.in("team/app-debug:far"), "", far.in("prod/app:v1").String()); err != nil {
		t.Errorf("got %+v, %v", done, err)
	}
	rows, unread := far.listed("prod/app:v1")
	if want := []string{"prod/app:v1", "team/app-debug:far remote current"}; !slices.Equal(rows, want) || len(unread) > 0 {
		t.Errorf("listed %q, %v, want %q", rows, unread, want)
	}
}

// refusing answers writes to a repository, or all requests for it, with a status.
func (s *server) refusing(repository string, status int, writes bool) {
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		read := r.Method == http.MethodGet || r.Method == http.MethodHead
		if !strings.HasPrefix(r.URL.Path, "/v2/"+repository+"/") || writes && read {
			return false
		}
		w.WriteHeader(status)
		return true
	})
}

// TestProductionsRepositoryThatCannotBeWritten: the debug image is pushed, and has its link.
func TestProductionsRepositoryThatCannotBeWritten(t *testing.T) {
	s := newServer(t)
	s.put("team/app:v1", foreign(t, "amd64"))
	s.refusing("team/app", http.StatusForbidden, true)
	done := s.publishAt("team/app-debug:v1", "remote", "team/app:v1", derived(t, "remote", "amd64", ""))
	if done.Err == nil || !strings.Contains(done.Err.Error(), "only the debug image has the link") || !strings.Contains(done.Err.Error(), "403") {
		t.Errorf("got %v", done.Err)
	}
	s.listsAll("team/app:v1", "team/app:v1")
	s.listsAll("team/app-debug:v1", "team/app:v1", "team/app-debug:v1 remote current")
	s.refusing("team/app", http.StatusForbidden, false)
	done = s.publishAt("team/app-debug:v2", "remote", "team/app:v1", derived(t, "remote", "amd64", ""))
	if done.Err == nil || !strings.Contains(done.Err.Error(), "403") {
		t.Errorf("got %v", done.Err)
	}
}

// leftoversAt are what would be deleted from a repository, in short.
func (s *server) leftoversAt(repository string, want ...string) []DebugImage {
	s.t.Helper()
	left, _, err := New(fast).Leftovers(proctest.Context(s.t), s.in(repository))
	if err != nil {
		s.t.Fatal(err)
	}
	var got []string
	for _, img := range left {
		got = append(got, fmt.Sprintf("%s: %s %s", img.Tag, cmp.Or(img.ProductionTag, "-"), img.Status))
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("%s: left over are %q, want %q", repository, got, want)
	}
	return left
}

func (s *server) has(image string) bool {
	s.t.Helper()
	_, err := remote.Head(s.name(s.in(image)), s.transport())
	return err == nil
}

func TestDebugTagsAreDeletedByProductionInAnotherRepository(t *testing.T) {
	onRegistries(t, func(t *testing.T, s *server) {
		for _, tag := range []string{"v1", "v2", "v3"} {
			s.put("team/app:"+tag, foreign(t, "amd64"))
			s.publishAt("team/app-debug:"+tag, "remote", "team/app:"+tag, derived(t, "remote", "amd64", ""))
		}
		first := s.resolve("v1")
		s.put("team/app-debug:v9", derived(t, "remote", "amd64", s.in("team/app:v9").String())) // no link says so
		s.leftoversAt("team/app-debug")
		s.put("team/app:v1", foreign(t, "amd64"))
		s.untag("v2")
		left := s.leftoversAt("team/app-debug", "v1: v1 stale", "v2: v2 gone")

		// Who cannot read production deletes nothing, also if that begins between the two.
		for _, status := range []int{http.StatusForbidden, http.StatusNotFound} {
			s.refusing("team/app", status, false)
			unknown := s.leftoversAt("team/app-debug", "v1: v1 unknown", "v2: v2 unknown", "v3: v3 unknown")
			for _, img := range append(unknown, left...) {
				if err := New(fast).Delete(proctest.Context(t), s.in("team/app-debug"), img); err == nil || !strings.Contains(err.Error(), "it stays, as its production image cannot be read") {
					t.Errorf("%d: %s: got %v", status, img.Tag, err)
				}
			}
		}
		s.answers(nil)
		// Nor where production is back.
		s.put("team/app:v2", foreign(t, "amd64"))
		if err := New().Delete(proctest.Context(t), s.in("team/app-debug"), left[1]); err == nil || !strings.Contains(err.Error(), "its production tag v2 is there meanwhile") {
			t.Errorf("got %v", err)
		}
		s.untag("v2")
		for _, img := range left {
			if err := New().Delete(proctest.Context(t), s.in("team/app-debug"), img); err != nil {
				t.Fatalf("%s: %v", img.Tag, err)
			}
		}
		for image, want := range map[string]bool{"team/app-debug:v1": false, "team/app-debug:v2": false, "team/app-debug:v3": true, "team/app-debug:v9": true, "team/app:v1": true, "team/app:v3": true} {
			if s.has(image) != want {
				t.Errorf("%s is there: %v, want %v", image, !want, want)
			}
		}
		if n := s.attached(first); n != 0 {
			t.Errorf("production's first image has %d links", n)
		}
		s.leftoversAt("team/app-debug")
		s.leftoversAt("team/app")
		s.listsAll("team/app:v3", "team/app:v3", "team/app-debug:v3 remote current")
	})
}

func TestALinkThatCannotBeDeletedElsewhereIsTold(t *testing.T) {
	s := newServer(t)
	s.put("team/app:v1", foreign(t, "amd64"))
	s.publishAt("team/app-debug:v1", "remote", "team/app:v1", derived(t, "remote", "amd64", ""))
	s.put("team/app:v1", foreign(t, "amd64"))
	left := s.leftoversAt("team/app-debug", "v1: v1 stale")
	s.refusing("team/app", http.StatusForbidden, true)
	var link *LinkError
	if err := New(fast).Delete(proctest.Context(t), s.in("team/app-debug"), left[0]); !errors.As(err, &link) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want a LinkError", err)
	}
	if s.has("team/app-debug:v1") {
		t.Error("the debug tag is there")
	}
	s.answers(nil)
	s.listsAll("team/app:v1", "team/app:v1")
}

// TestRepositoriesInLinksOfStrangers has links at production that name other repositories.
func TestRepositoriesInLinksOfStrangers(t *testing.T) {
	s, closed := newServer(t), newServer(t)
	production := foreign(t, "amd64")
	s.put("team/app:v1", production)
	subject, err := production.Digest()
	if err != nil {
		t.Fatal(err)
	}
	debug := derived(t, "remote", "amd64", "")
	s.put("team/strange:v1", debug) // which says nothing of production
	good := Link{ProductionTag: "v1", ProductionDigest: subject.String(), DebugTag: "v1", DebugDigest: digestOf(t, debug), Variant: "remote", Preset: "remote", Version: "v1"}
	attach := func(change func(*Link)) {
		t.Helper()
		l := good
		change(&l)
		img, err := l.manifest(v1.Descriptor{MediaType: types.DockerManifestSchema2, Digest: subject})
		if err != nil {
			t.Fatal(err)
		}
		s.put("team/app:link", img)
	}
	for _, repository := range []string{
		"/team/strange", "/team/strange:v1", "/team/Strange", "/../x", "//x", "/", "team/strange", "https://x/y", "x\x1b[2J/y", "/team/none",
		"/team/strange@" + digestOf(t, debug), "/" + strings.Repeat("x/", 300) + "y",
	} {
		attach(func(l *Link) { l.DebugRepository = repository })
	}
	attach(func(l *Link) { l.DebugRepository, l.ProductionRepository = "/team/strange", "/team/other" })
	s.listsAll("team/app:v1", "team/app:v1")
	s.listsAll("team/app@"+subject.String(), "team/app:")

	// One that does not answer is told, and spoils nothing.
	s.publishAt("team/app-debug:v1", "remote", "team/app:v1", debug)
	closed.Close()
	attach(func(l *Link) { l.DebugRepository = closed.Listener.Addr().String() + "/team/app" })
	for _, image := range []string{"team/app:v1", "team/app@" + subject.String()} {
		rows, unread := s.listed(image)
		if !slices.Contains(rows, "team/app-debug:v1 remote current") || len(rows) != 2 || len(unread) != 1 || !strings.Contains(unread[0].Error(), "connection refused") {
			t.Errorf("%s: listed %q, unread %v", image, rows, unread)
		}
	}
	// Nor do many.
	for i := range maxRepositories + 5 {
		attach(func(l *Link) { l.DebugRepository = fmt.Sprintf("/team/x%d", i) })
	}
	s.answers(nil)
	if _, unread := s.listed("team/app:v1"); !slices.Contains(unread, errManyRepositories) {
		t.Errorf("unread: %v", unread)
	}
}

func TestALinkNamesNoNetworkOfItsReader(t *testing.T) {
	session := func(host string) *session { return &session{ref: Reference{host: host, path: "team/app"}} }
	for name, want := range map[string]bool{
		"localhost:5000/x": false, "127.0.0.1/x": false, "[::1]:5000/x": false, "10.0.0.1:5000/x": false, "169.254.169.254/latest": false,
		"192.168.1.1/x": false, "0.0.0.0/x": false, "[fe80::1]/x": false, "8.8.8.8/x": true, "other.example/x": true, "/team/x": true,
	} {
		if _, got := session("registry.example").linkedRepository(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	for host, spelled := range map[string]string{"localhost:5000": "/team/x", "127.0.0.1:5000": "/team/x", "registry.example": "localhost:5000/team/x"} {
		if got := session(host).spell(Reference{host: "localhost:5000", path: "team/x"}); got != spelled {
			t.Errorf("%s: spelled %s, want %s", host, got, spelled)
		}
	}
	if own, ok := session("registry.example").linkedRepository("registry.example:443/team/app"); own != "" || !ok {
		t.Errorf("its own repository is %q, %v", own, ok)
	}
	if far, ok := session("localhost:5000").linkedRepository("127.0.0.1:5001/x"); far == "" || !ok {
		t.Errorf("%q, %v", far, ok)
	}
}

// TestTheNearestImageIsFirst: the first one is chosen, and a stranger's link may name any registry.
func TestTheNearestImageIsFirst(t *testing.T) {
	s := newServer(t)
	s.put("team/app:v1", foreign(t, "amd64"))
	s.publishAt("a/strange:v1", "remote", "team/app:v1", derived(t, "remote", "amd64", ""))
	s.publish("v1-debug", "remote", "v1", derived(t, "remote", "amd64", ""))
	s.listsAll("team/app:v1", "team/app:v1", "team/app:v1-debug remote current", "a/strange:v1 remote current")
	l := &Listing{Repository: Reference{host: "registry.example", path: "app"}}
	for host, want := range map[string]int{"registry.example:443": 1, "a.example": 2} {
		if got := l.far(DebugImage{Repository: Reference{host: host, path: "a"}}); got != want {
			t.Errorf("%s: %d, want %d", host, got, want)
		}
	}
}
