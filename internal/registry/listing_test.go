package registry

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/variants"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// derived is an image with all labels that dlvgen writes.
func derived(t *testing.T, variant, arch, production string) v1.Image {
	t.Helper()
	v, err := variants.ByName(variant)
	if err != nil {
		t.Fatal(err)
	}
	labels, err := variants.Labels{
		Format: "1", Version: "v1.0.0", Variant: v.Name, Preset: v.Name, Kind: v.Kind, Sources: v.Sources, Delve: "1.27.2", Go: "go1.26.8",
		Program: "/app", Module: "example.com/app", Listen: ":8000", Reference: production,
	}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return newImage(t, arch, labels)
}

// publish pushes a debug image by digest and moves its tag, as a build does.
func (s *server) publish(tag, variant, production string, what interface {
	digester
	remote.Taggable
}) Attachment {
	s.t.Helper()
	repo := s.name(s.ref(tag)).Repository
	if err := remote.Push(repo.Digest(digestOf(s.t, what)), what, s.transport()); err != nil {
		s.t.Fatal(err)
	}
	pending := []Pending{{Ref: s.ref(tag), Digest: digestOf(s.t, what), Link: Link{ProductionTag: production, Variant: variant, Preset: variant, Version: "v1.0.0"}}}
	done, err := New().Move(proctest.Context(s.t), pending)
	if err != nil || len(done) != 1 {
		s.t.Fatalf("moving %s: %v, %v", tag, done, err)
	}
	return done[0]
}

// rows are what a listing has, in short.
func (s *server) rows(image string) []string {
	s.t.Helper()
	ref, digest, err := ParseImage(s.ref("x").Repository() + image)
	if err != nil {
		s.t.Fatal(err)
	}
	list, err := New().List(proctest.Context(s.t), ref, digest)
	if err != nil {
		s.t.Fatal(err)
	}
	var rows []string
	for _, img := range list.Images {
		rows = append(rows, fmt.Sprintf("%s %s %s", cmp.Or(img.Tag, "-"), img.Preset(), img.Status))
	}
	return rows
}

func (s *server) lists(image string, want ...string) {
	s.t.Helper()
	if got := s.rows(image); !slices.Equal(got, want) {
		s.t.Errorf("%s lists %q, want %q", image, got, want)
	}
}

func TestDebugImagesAreListedByLinksAndByTags(t *testing.T) {
	onRegistries(t, func(t *testing.T, s *server) {
		production := newIndex(t, foreign(t, "amd64"), foreign(t, "arm64"))
		s.push("v1", production)
		s.push("v1-alpine", foreign(t, "amd64"))
		s.push("v1.2", foreign(t, "amd64"))
		s.push("v1-rc", foreign(t, "amd64"))
		first := digestOf(t, production)
		if done := s.publish("v1-debug", "remote", "v1", newIndex(t, derived(t, "remote", "amd64", ""), derived(t, "remote", "arm64", ""))); done.Err != nil || done.ProductionDigest != first {
			t.Fatalf("not linked: %+v", done)
		}
		s.publish("v1-dbg-src", "remote-src", "v1", derived(t, "remote-src", "amd64", ""))
		s.publish("v1-rc-debug", "remote", "v1-rc", derived(t, "remote", "amd64", s.ref("v1-rc").String()))
		s.push("v1-debug-attach", derived(t, "attach", "amd64", "")) // by buildx, without a link
		s.push("v1-debug-sidecar", foreign(t, "amd64"))
		all := []string{"v1-debug remote current", "v1-dbg-src remote-src current", "v1-debug-attach attach unlinked"}
		s.lists(":v1", all...)
		s.lists(":v1-debug", all...)
		s.lists(":v1-dbg-src", all...)
		s.lists("@"+first, all[:2]...)
		s.lists(":v1-rc", "v1-rc-debug remote current")

		// The debug image stays where it is, and production's tag moves.
		debug := s.resolve("v1-debug")
		s.push("v1", foreign(t, "amd64"))
		stale := []string{"v1-debug remote stale", "v1-dbg-src remote-src stale", "v1-debug-attach attach unlinked"}
		s.lists(":v1", stale...)
		s.lists(":v1-debug", stale...)
		s.lists("@"+first, stale[:2]...)

		// The debug tag follows, and its first image is found by production's first digest.
		s.publish("v1-debug", "remote", "v1", derived(t, "remote", "amd64", ""))
		s.lists(":v1", append([]string{"v1-debug remote current"}, stale[1:]...)...)
		s.lists("@"+first, "- remote stale", "v1-dbg-src remote-src stale")
		s.lists("@"+debug, "v1-debug remote current", "- remote stale", "v1-dbg-src remote-src stale", "v1-debug-attach attach unlinked")
	})
}

func TestALinkIsTheSameEachTime(t *testing.T) {
	onRegistries(t, func(t *testing.T, s *server) {
		s.push("v1", foreign(t, "amd64"))
		img := derived(t, "remote", "amd64", "")
		s.publish("v1-debug", "remote", "v1", img)
		s.answers(nil)
		s.publish("v1-debug", "remote", "v1", img)
		// What is there already is not written again, but for the tags.
		if got := slices.DeleteFunc(s.written(), func(put string) bool { return strings.HasSuffix(put, "v1-debug") }); len(got) != 0 {
			t.Errorf("written once more: %q", got)
		}
	})
}

func TestWhatCannotBeLinkedIsPushed(t *testing.T) {
	s := newServer(t)
	img := derived(t, "remote", "amd64", "")
	if done := s.publish("v1-debug", "remote", "v1", img); !errors.Is(done.Err, ErrNoProduction) {
		t.Errorf("got %v, want ErrNoProduction", done.Err)
	}
	s.lists(":v1", "v1-debug remote unlinked")
	s.push("v1", foreign(t, "amd64"))
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		if r.Method != http.MethodPut || !strings.Contains(string(body), LinkType) {
			return false
		}
		w.WriteHeader(http.StatusBadRequest)
		return true
	})
	done := s.publish("v1-debug-src", "remote-src", "v1", derived(t, "remote-src", "amd64", ""))
	var failure *Error
	if !errors.As(done.Err, &failure) || !strings.Contains(done.Err.Error(), "400") {
		t.Errorf("got %v, want an Error with the status", done.Err)
	}
	s.lists(":v1", "v1-debug remote unlinked", "v1-debug-src remote-src unlinked")
}

// A tag that moves with each commit may not have moved yet.
func TestProductionOfAnotherRevisionIsNotLinked(t *testing.T) {
	s := newServer(t)
	of := func(revision string, img v1.Image) v1.Image {
		t.Helper()
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		config = config.DeepCopy()
		if config.Config.Labels == nil {
			config.Config.Labels = map[string]string{}
		}
		config.Config.Labels[labelRevision] = revision
		if img, err = mutate.ConfigFile(img, config); err != nil {
			t.Fatal(err)
		}
		return img
	}
	s.push("main", of("aaaa", foreign(t, "amd64")))
	debug := of("bbbb", derived(t, "remote", "amd64", ""))
	done := s.publish("main-debug", "remote", "main", debug)
	if done.Err == nil || !strings.Contains(done.Err.Error(), `main is of revision "aaaa"`) || done.ProductionDigest != "" {
		t.Errorf("got %+v", done)
	}
	s.push("main", of("bbbb", foreign(t, "amd64")))
	if done := s.publish("main-debug", "remote", "main", debug); done.Err != nil {
		t.Error(done.Err)
	}
	s.lists(":main", "main-debug remote current")
}

func TestImagesThatWerePushedOtherwiseAreAttached(t *testing.T) {
	onRegistries(t, func(t *testing.T, s *server) {
		s.push("v1", foreign(t, "amd64"))
		s.push("v1-debug", derived(t, "remote", "amd64", ""))
		s.push("v1-dbg", derived(t, "remote", "arm64", s.ref("v1").String()))
		s.push("other", derived(t, "attach", "amd64", ""))
		s.push("broken-debug", newImage(t, "amd64", map[string]string{label: "1.0.0", "io.github.dlvgen.variant": "none"}))
		for _, test := range []struct{ tag, production, says string }{
			{"v1-debug", "", ""},
			{"v1-dbg", "", ""},
			{"other", "", "--production"},
			{"other", "v1", ""},
			{"other", "v2", "team/app:v2 is not in the registry"},
			{"other", "other", "both are the same image"},
			{"v1", "", "was not made by dlvgen"},
			{"broken-debug", "v1", "the label io.github.dlvgen.variant"},
			{"none", "", "has no such image"},
		} {
			done, err := New().Attach(proctest.Context(t), s.ref(test.tag), "", test.production)
			switch {
			case test.says == "" && (err != nil || done.ProductionDigest != s.resolve("v1")):
				t.Errorf("%s: got %+v, %v", test.tag, done, err)
			case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
				t.Errorf("%s with %q: got %v, want an error with %q", test.tag, test.production, err, test.says)
			}
		}
		s.lists(":v1", "v1-dbg remote current", "v1-debug remote current", "other attach current")
		if s.resolve("v1-debug") == "" {
			t.Error("a tag is gone")
		}
	})
}

// Whoever can push to a repository can attach anything to its images.
func TestLinksOfStrangersAreNotTrusted(t *testing.T) {
	s := newServer(t)
	production := foreign(t, "amd64")
	s.push("v1", production)
	subject, err := production.Digest()
	if err != nil {
		t.Fatal(err)
	}
	strange := newImage(t, "amd64", nil)
	attach := func(l Link) {
		t.Helper()
		img, err := l.manifest(v1.Descriptor{MediaType: types.DockerManifestSchema2, Digest: subject})
		if err != nil {
			t.Fatal(err)
		}
		s.push("link", img)
	}
	s.push("strange", strange)
	good := Link{ProductionTag: "v1", ProductionDigest: subject.String(), DebugTag: "strange", DebugDigest: digestOf(t, strange), Variant: "remote", Preset: "remote", Version: "v1"}
	attach(good) // an image that is not dlvgen's
	for _, change := range []func(*Link){
		func(l *Link) { l.DebugTag = "v1\x1b[2J" },
		func(l *Link) { l.DebugDigest = "sha256:../../x" },
		func(l *Link) { l.Preset = "\u202eevil" },
		func(l *Link) { l.Variant = "other" },
		func(l *Link) { l.ProductionTag = "" },
		func(l *Link) { l.DebugDigest = "sha256:" + strings.Repeat("0", 64) }, // nothing
	} {
		l := good
		change(&l)
		attach(l)
	}
	s.lists(":v1")
	s.lists("@" + subject.String())
}

func TestARegistryThatRefusesToListReferrersListsDebugImages(t *testing.T) {
	s := newServer(t)
	s.push("v1", foreign(t, "amd64"))
	s.push("v1-debug", derived(t, "remote", "amd64", ""))
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/referrers/") {
			return false
		}
		w.WriteHeader(http.StatusMethodNotAllowed)
		return true
	})
	s.lists(":v1", "v1-debug remote unlinked")
	if done := s.publish("v1-debug-src", "remote-src", "v1", derived(t, "remote-src", "amd64", "")); done.Err == nil || !strings.Contains(done.Err.Error(), "405") {
		t.Errorf("linked: %+v", done)
	}
	s.lists(":v1", "v1-debug remote unlinked", "v1-debug-src remote-src unlinked")
}

func TestARegistryThatListsNoTagsIsAskedForEach(t *testing.T) {
	s := newServer(t)
	s.push("v1", foreign(t, "amd64"))
	s.publish("v1-dbg", "remote", "v1", derived(t, "remote", "amd64", ""))
	s.push("v1-debug-attach", derived(t, "attach", "amd64", ""))
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/tags/list") {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	s.lists(":v1", "v1-dbg remote current", "v1-debug-attach attach unlinked")
}

func TestASummaryHasWhatOnePlatformPulls(t *testing.T) {
	s := newServer(t)
	small, large := derived(t, "remote", "amd64", ""), derived(t, "remote", "arm64", "")
	large, err := mutate.AppendLayers(large, newLayer(t, 5000))
	if err != nil {
		t.Fatal(err)
	}
	s.push("v1-debug", newIndex(t, small, large))
	list, err := New().List(proctest.Context(t), s.ref("v1-debug"), "")
	if err != nil || len(list.Images) != 1 || list.Production != nil || list.ProductionTag != "v1" {
		t.Fatalf("got %+v, %v", list, err)
	}
	img := list.Images[0]
	if len(img.Platforms) != 2 || img.Platforms[0].Platform != "linux/amd64" || img.Platforms[1].Digest != digestOf(t, large) {
		t.Errorf("platforms %+v", img.Platforms)
	}
	if img.Size != img.Platforms[1].Size || img.Size < 5000 || img.Platforms[0].Size >= 5000 {
		t.Errorf("size %d of %+v", img.Size, img.Platforms)
	}
}

func TestNothingIsListedWhereNothingIs(t *testing.T) {
	s := newServer(t)
	s.push("v2", foreign(t, "amd64"))
	for _, image := range []string{":v1", "@sha256:" + strings.Repeat("0", 64)} {
		ref, digest, err := ParseImage(s.ref("x").Repository() + image)
		if err != nil {
			t.Fatal(err)
		}
		_, err = New().List(proctest.Context(t), ref, digest)
		var failure *Error
		if !errors.As(err, &failure) || failure.Found != "has no such image" {
			t.Errorf("%s: got %v", image, err)
		}
	}
	s.lists(":v2")
}

func TestDebugTagsThatUpdatersTakeForVersions(t *testing.T) {
	for _, test := range []struct {
		production, debug string
		want              bool
	}{
		{"v1.4.2", "v1.4.2-debug", true},
		{"1.4.2", "1.4.2-debug-src", true},
		{"1.4.2-rc.1", "1.4.2-rc.1-debug", true},
		{"v1.4.2", "v1.4.2_debug", false},
		{"v1", "v1-debug", false},
		{"2024.01.02", "2024.01.02-debug", false}, // leading zeros
		{"latest", "latest-debug", false},
	} {
		if got := IsPrerelease(test.production, test.debug); got != test.want {
			t.Errorf("%s of %s: got %v", test.debug, test.production, got)
		}
	}
}
