package registry

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// publication is all that a build does to a registry but what BuildKit itself pushes: of two
// debug tags, one exists and names an image of before, and one is new.
type publication struct {
	file       string // an image as an engine saves it
	production Reference
	tags       [2]Reference
	before     [2]string // what the tags name, "" for nothing
	digest     string    // what they are to name, "" until it is known
}

// before are the images that a repository has: production, and an old debug image.
type before struct{ production, debug v1.Image }

func newBeforeImages(t *testing.T) before {
	t.Helper()
	return before{foreign(t, "amd64"), ours(t, "amd64")}
}

// newPublication has a repository of its own on the server, which nothing watches.
func newPublication(t *testing.T, s *server, repository string, has before) *publication {
	t.Helper()
	p := &publication{file: filepath.Join(t.TempDir(), "image.tar")}
	ref, err := Parse(s.Listener.Addr().String() + "/" + repository + ":v1")
	if err != nil {
		t.Fatal(err)
	}
	p.production = ref
	for i, tag := range []string{"v1-debug", "v1-debug-src"} {
		if p.tags[i], err = ref.WithTag(tag); err != nil {
			t.Fatal(err)
		}
	}
	img := ours(t, "amd64")
	file, err := os.Create(p.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.Write(name.MustParseReference("app:v1"), img, file); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	p.before[0] = digestOf(t, has.debug)
	for ref, img := range map[*Reference]v1.Image{&p.production: has.production, &p.tags[0]: has.debug} {
		s.store(*ref, img)
	}
	return p
}

// store puts an image into the registry behind what the server answers itself.
func (s *server) store(ref Reference, img v1.Image) {
	s.t.Helper()
	if err := remote.Push(s.name(ref), img); err != nil {
		s.t.Fatal(err)
	}
}

// publish does what a build does.
func (p *publication) publish(ctx context.Context, c *Client) error {
	file, err := os.Open(p.file)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	archive, err := NewArchive(file)
	if err != nil {
		return err
	}
	defer func() { _ = archive.Close() }()
	for _, ref := range p.tags {
		if err := c.Guard(ctx, ref); err != nil {
			return err
		}
	}
	if err := c.Remember(ctx, p.production); err != nil {
		return err
	}
	if p.digest, err = c.Push(ctx, archive, Format{OCI: true, Level: 1}, p.tags[:], []Reference{p.production}); err != nil {
		return err
	}
	var pending []Pending
	for _, ref := range p.tags {
		pending = append(pending, Pending{Ref: ref, Digest: p.digest, Link: Link{ProductionTag: "v1", Variant: "remote", Preset: "remote", Version: "v1.0.0"}})
	}
	attached, err := c.Move(ctx, pending)
	for _, a := range attached {
		if err == nil && a.Err != nil {
			err = &unlinkedError{a.Err}
		}
	}
	return err
}

// unlinkedError is what a build warns of.
type unlinkedError struct{ error }

// moved says how many of the tags name the image that was published, which is whole then.
// Those that do not name what they did.
func (p *publication) moved(t *testing.T, c *Client) int {
	t.Helper()
	moved := 0
	for i, ref := range p.tags {
		s, err := c.open(ref)
		if err != nil {
			t.Fatal(err)
		}
		now, err := s.tagged(proctest.Context(t), ref.tag)
		if err != nil {
			t.Fatal(err)
		}
		if now == p.before[i] {
			continue
		}
		if moved++; p.digest != "" && now != p.digest {
			t.Errorf("%s names %s, neither what it did nor %s", ref, now, p.digest)
		}
		if err := c.Verify(proctest.Context(t), ref, now); err != nil {
			t.Errorf("%s is not whole: %v", ref, err)
		}
	}
	return moved
}

// publishEnv turns this test program into a build that publishes.
const publishEnv = "DLVGEN_TEST_PUBLISH"

func TestMain(m *testing.M) {
	if ref, file, ok := strings.Cut(os.Getenv(publishEnv), " "); ok {
		os.Exit(publishAsChild(ref, file))
	}
	os.Exit(m.Run())
}

func publishAsChild(image, file string) int {
	production, err := Parse(image)
	p := &publication{file: file, production: production}
	for i, tag := range []string{"v1-debug", "v1-debug-src"} {
		if err == nil {
			p.tags[i], err = production.WithTag(tag)
		}
	}
	if err == nil {
		err = p.publish(context.Background(), New())
	}
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		return 1
	}
	return 0
}
