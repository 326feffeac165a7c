package registry

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func catalogOf(t *testing.T, s *server) *Catalog {
	t.Helper()
	k, err := New(fast).Catalog(s.ref("any"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// derivedOf is an entry of a record, whose digests have one digit.
func derivedOf(debug, digit string) Derived {
	digest := "sha256:" + strings.Repeat(digit, 64)
	return Derived{Debug: debug, Digest: digest, Production: digest, Options: digit}
}

func recordOf(list ...Derived) Record {
	r := Record{}
	for _, d := range list {
		r[d.Debug] = d
	}
	return r
}

func TestARecordKeepsWhatOthersAdd(t *testing.T) {
	onRegistries(t, func(t *testing.T, s *server) {
		ctx := proctest.Context(t)
		mine, others := catalogOf(t, s), catalogOf(t, s)
		if r, err := mine.Record(ctx); err != nil || len(r) != 0 {
			t.Fatalf("%v, %v", r, err)
		}
		a, b, c := derivedOf("v1-debug", "a"), derivedOf("v2-debug", "b"), derivedOf("registry.example/debug:v1", "c")
		moved := derivedOf("v1-debug", "d")
		for _, step := range []struct {
			k                    *Catalog
			added, removed, want Record
		}{
			{mine, recordOf(a), nil, recordOf(a)},
			{others, recordOf(b, c), nil, recordOf(a, b, c)},
			{mine, recordOf(moved), recordOf(c), recordOf(moved, b)},
			{others, nil, recordOf(a, b), recordOf(moved)}, // v1-debug is not what it was
		} {
			if err := step.k.Write(ctx, step.added, step.removed); err != nil {
				t.Fatal(err)
			}
			if got, err := mine.Record(ctx); err != nil || !maps.Equal(got, step.want) {
				t.Errorf("got %v, %v, want %v", got, err, step.want)
			}
		}
		s.answers(nil)
		if err := mine.Write(ctx, recordOf(moved), recordOf(b)); err != nil || len(s.written()) > 0 {
			t.Errorf("%v, and written were %q, though nothing has changed", err, s.written())
		}
	})
}

func TestWhatIsNoRecordIsNotOverwritten(t *testing.T) {
	artifact := func(config types.MediaType, text string) v1.Image {
		layer := static.NewLayer([]byte(text), RecordType)
		img, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), config), layer)
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	for what, img := range map[string]remote.Taggable{
		"an image":         foreign(t, "amd64"),
		"an index":         newIndex(t, foreign(t, "amd64")),
		"another artifact": artifact("application/vnd.cncf.helm.config.v1+json", "{}"),
		"a record of text": artifact(RecordType, "derived"),
		"two layers":       mutateLayers(t, artifact(RecordType, "{}")),
		"a record too large": raw{types.OCIManifestSchema1, `{"schemaVersion":2,"config":{"mediaType":"` + RecordType + `",` + descriptor + `},` +
			`"layers":[{"mediaType":"` + RecordType + `",` + strings.Replace(descriptor, `:2`, `:33554433`, 1) + `}]}`},
	} {
		s := newServer(t)
		k := catalogOf(t, s)
		s.push(RecordTag, img)
		before := s.resolve(RecordTag)
		_, err := k.Record(proctest.Context(t))
		var other *NoRecordError
		if !errors.As(err, &other) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", what, err)
		}
		if err := k.Write(proctest.Context(t), recordOf(derivedOf("v1-debug", "a")), nil); !errors.As(err, &other) || s.resolve(RecordTag) != before {
			t.Errorf("%s: %v, and the tag names %s", what, err, s.resolve(RecordTag))
		}
	}
	s := newServer(t)
	s.push(RecordTag, artifact(RecordType, `{"derived": [{"debug": "v1-debug"}, {"debug": "", "options": "a"}, {"debug": "v2-debug", "digest": "x", "production": "y", "options": "z"}]}`))
	if r, err := catalogOf(t, s).Record(proctest.Context(t)); err != nil || len(r) != 0 {
		t.Errorf("entries that say nothing: %v, %v", r, err)
	}
}

// TestADigestTakesOneRequest has a registry that answers HEAD requests without a digest too.
func TestADigestTakesOneRequest(t *testing.T) {
	s := newServer(t)
	ctx, k := proctest.Context(t), catalogOf(t, s)
	s.push("v1", foreign(t, "amd64"))
	var asked []string
	without := false
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		asked = append(asked, r.Method)
		if r.Method == http.MethodHead && without {
			w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
			return true
		}
		return false
	})
	for _, tag := range []string{"v1", "v2"} {
		digest, err := k.Digest(ctx, tag)
		if err != nil || (digest != "") != (tag == "v1") {
			t.Errorf("%s: %q, %v", tag, digest, err)
		}
	}
	if want := []string{http.MethodGet, http.MethodHead, http.MethodHead}; !slices.Equal(asked, want) {
		t.Errorf("the requests are %q, and one is to log in", asked)
	}
	without = true
	if digest, err := k.Digest(ctx, "v1"); err != nil || digest != s.resolve("v1") {
		t.Errorf("without a digest in the answer: %q, %v", digest, err)
	}
}

// mutateLayers adds a layer.
func mutateLayers(t *testing.T, img v1.Image) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(img, newLayer(t, 8))
	if err != nil {
		t.Fatal(err)
	}
	return img
}
