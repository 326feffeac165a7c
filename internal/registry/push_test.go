package registry

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// saved is an image as an engine saves it.
func saved(t *testing.T, img v1.Image) *Archive {
	t.Helper()
	var file bytes.Buffer
	if err := tarball.Write(name.MustParseReference("app:v1"), img, &file); err != nil {
		t.Fatal(err)
	}
	return keep(t, &file)
}

func keep(t *testing.T, file io.Reader) *Archive {
	t.Helper()
	a, err := NewArchive(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// withLayer adds a layer to an image.
func withLayer(t *testing.T, img v1.Image) v1.Image {
	t.Helper()
	layer, err := random.Layer(1<<10, types.DockerLayer)
	if err != nil {
		t.Fatal(err)
	}
	if img, err = mutate.AppendLayers(img, layer); err != nil {
		t.Fatal(err)
	}
	return img
}

func layersOf(t *testing.T, img v1.Image) (digests []string) {
	t.Helper()
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range m.Layers {
		digests = append(digests, layer.Digest.String())
	}
	return digests
}

func TestPushedArchiveSharesProductionsLayersAndMovesNoTag(t *testing.T) {
	s := newServer(t)
	production := ours(t, "amd64")
	s.push("v1", production)
	debug := withLayer(t, production)
	a := saved(t, debug)
	s.answers(nil)
	c := New(WithProduction(s.ref("v1")))
	to := []Reference{s.ref("v1-debug")}
	digest, err := c.Push(proctest.Context(t), a, Format{OCI: true, Level: 1}, to, []Reference{s.ref("v1"), s.ref("v1-debug")})
	if err != nil {
		t.Fatal(err)
	}
	if written := s.written(); !slices.Equal(written, []string{digest}) {
		t.Errorf("written: %q, want %s alone", written, digest)
	}
	if _, err := c.Move(proctest.Context(t), []Pending{{Ref: s.ref("v1-debug"), Digest: digest}}); err != nil {
		t.Fatal(err)
	}
	got, err := remote.Image(s.name(to[0]), s.transport())
	if err != nil {
		t.Fatal(err)
	}
	want := layersOf(t, production)
	if have := layersOf(t, got); len(have) != len(want)+1 || !slices.Equal(have[:len(want)], want) {
		t.Errorf("the layers are %q, production's %q", have, want)
	}
	id, err := got.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	if wantID, err := debug.ConfigName(); err != nil || id != wantID {
		t.Errorf("the config is %s, the engine's %s, %v", id, wantID, err)
	}
	if media, err := got.MediaType(); err != nil || media != types.OCIManifestSchema1 {
		t.Errorf("the media type is %s, %v", media, err)
	}
	again, err := c.Push(proctest.Context(t), a, Format{OCI: true, Level: 1}, to, to)
	if err != nil || again != digest {
		t.Errorf("the second push has %s, %v, the first %s", again, err, digest)
	}
}

// TestPushMountsProductionsLayersFromItsRepository has a registry whose repositories know their
// own layers only.
func TestPushMountsProductionsLayersFromItsRepository(t *testing.T) {
	s := newDistribution(t, testenv.Distribution2, testenv.DistributionOptions{})
	production := ours(t, "amd64")
	s.push("v1", production)
	debug := withLayer(t, production)
	var mu sync.Mutex
	var mounted []string
	uploads := 0
	s.answers(func(_ http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if q := r.URL.Query(); r.Method == http.MethodPost && q.Get("mount") != "" {
			mounted = append(mounted, q.Get("from")+"@"+q.Get("mount"))
		} else if r.Method == http.MethodPost {
			uploads++
		}
		return false
	})
	to := []Reference{s.in("team/app-debug:v1")}
	digest, err := New().Push(proctest.Context(t), saved(t, debug), Format{OCI: true, Level: 1}, to, []Reference{s.ref("v1")})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, layer := range layersOf(t, production) {
		want = append(want, "team/app@"+layer)
	}
	slices.Sort(mounted)
	if slices.Sort(want); !slices.Equal(mounted, want) || uploads != 2 { // the debug layer and the config
		t.Errorf("mounted %q, want %q; uploads: %d, want 2", mounted, want, uploads)
	}
	if _, err := New().Move(proctest.Context(t), []Pending{{Ref: to[0], Digest: digest}}); err != nil {
		t.Error(err)
	}
}

func TestPushFailsWithoutATagMoved(t *testing.T) {
	s := newServer(t)
	a := saved(t, ours(t, "amd64"))
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	_, err := New().Push(proctest.Context(t), a, Format{}, []Reference{s.ref("v1-debug")}, nil)
	if err == nil || !strings.Contains(err.Error(), "docker login") {
		t.Errorf("got %v", err)
	}
	if written := s.written(); len(written) > 0 {
		t.Errorf("written: %q", written)
	}
}

func TestArchiveIsWrittenWithNames(t *testing.T) {
	a := saved(t, ours(t, "amd64"))
	ref, err := Parse("registry.example/app:v1-debug")
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := a.Write(&file, []Reference{ref}); err != nil {
		t.Fatal(err)
	}
	opener := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(file.Bytes())), nil }
	m, err := tarball.LoadManifest(opener)
	if err != nil || len(m) != 1 || !slices.Equal(m[0].RepoTags, []string{ref.String()}) {
		t.Errorf("the manifest is %+v, %v", m, err)
	}
	if got, want := layersOf(t, keep(t, &file).img), layersOf(t, a.img); !slices.Equal(got, want) {
		t.Errorf("the layers are %q, want %q", got, want)
	}
}

// slowBody is a body that arrives in parts.
type slowBody struct {
	parts int
	pause time.Duration
}

func (b *slowBody) Read(p []byte) (int, error) {
	if b.parts == 0 {
		return 0, io.EOF
	}
	b.parts--
	time.Sleep(b.pause)
	p[0] = 'x'
	return 1, nil
}

// TestALongUploadIsNoSilence has a body that takes longer than the patience.
func TestALongUploadIsNoSilence(t *testing.T) {
	s := newServer(t)
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		_, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
		return true
	})
	client := &http.Client{Transport: newTransport(&patience.Patience{Limit: time.Second}, defaultBackoff, nil)}
	request, err := http.NewRequestWithContext(proctest.Context(t), http.MethodPost, s.URL, &slowBody{parts: 10, pause: 150 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the answer is %s", response.Status)
	}
}
