package registry

import (
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// entries are the digests of an index, in its order.
func entries(t *testing.T, index v1.ImageIndex) (list []v1.Descriptor) {
	t.Helper()
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	return m.Manifests
}

func TestIndexesOfSeveralNodesBecomeOne(t *testing.T) {
	s := newServer(t)
	amd, arm, i386 := ours(t, "amd64"), ours(t, "arm64"), ours(t, "386")
	annotated := func(index v1.ImageIndex) v1.ImageIndex {
		index, ok := mutate.Annotations(index, map[string]string{"of": "all"}).(v1.ImageIndex)
		if !ok {
			t.Fatal("no index")
		}
		return mutate.IndexMediaType(index, types.DockerManifestList)
	}
	first, second := annotated(newIndex(t, amd, i386)), annotated(newIndex(t, arm))
	s.push("first", first)
	s.push("second", second)
	s.answers(nil)

	ctx, client := proctest.Context(t), New()
	joined, err := client.Join(ctx, []string{digestOf(t, first), digestOf(t, second)},
		[]string{"linux/amd64", "linux/arm64", "linux/386"}, []Reference{s.ref("v1-debug"), s.ref("v2-debug")})
	if err != nil {
		t.Fatal(err)
	}
	digest := joined.Digest.String()
	if diff := cmp.Diff([]string{digest}, s.written()); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff) // no tag
	}
	if err := client.Verify(ctx, s.ref("v1-debug"), digest); err != nil {
		t.Error(err)
	}
	desc, err := remote.Get(s.name(s.ref("v1-debug")).Context().Digest(digest), s.transport())
	if err != nil {
		t.Fatal(err)
	}
	index, err := desc.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if desc.MediaType != types.DockerManifestList || desc.Size != joined.Size || m.Annotations["of"] != "all" {
		t.Errorf("the index is %s of %d bytes, want %d, with %v", desc.MediaType, desc.Size, joined.Size, m.Annotations)
	}
	of, other := entries(t, first), entries(t, second)
	var want []v1.Descriptor
	for _, arch := range []string{"amd64", "arm64", "386"} {
		for _, d := range append(append([]v1.Descriptor{}, of...), other...) {
			if d.Platform != nil && d.Platform.Architecture == arch {
				want = append(want, d)
			}
		}
	}
	if diff := cmp.Diff(want, m.Manifests[:3]); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	if len(m.Manifests) != len(of)+len(other) {
		t.Errorf("%d entries, want all %d", len(m.Manifests), len(of)+len(other))
	}
	platforms, err := client.Platforms(ctx, s.ref("v1-debug"), digest)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]PlatformDigest{
		{"linux/amd64", digestOf(t, amd)}, {"linux/arm64", digestOf(t, arm)}, {"linux/386", digestOf(t, i386)},
	}, platforms); diff != "" {
		t.Errorf("platforms (-want +got):\n%s", diff)
	}
}

func TestWhatIsNoIndexIsNotJoined(t *testing.T) {
	s := newServer(t)
	img := ours(t, "amd64")
	s.push("pushed", img)
	for digest, want := range map[string]string{digestOf(t, img): "not an index's", "sha256:" + strings.Repeat("0", 64): "reading"} {
		_, err := New().Join(proctest.Context(t), []string{digest}, nil, []Reference{s.ref("v1-debug")})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q", digest, err, want)
		}
	}
}
