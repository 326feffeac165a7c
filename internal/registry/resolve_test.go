package registry

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func TestAnImageIsResolvedToItsDigestAndPlatforms(t *testing.T) {
	for name, tc := range map[string]struct {
		pushed remote.Taggable
		want   []string
	}{
		"an index with an attestation": {newIndex(t, foreign(t, "amd64"), foreign(t, "arm64")), []string{"linux/amd64", "linux/arm64"}},
		"a manifest":                   {foreign(t, "arm64"), []string{"linux/arm64"}},
	} {
		s := newServer(t)
		s.push("v1", tc.pushed)
		dgst, byTag, err := New().Resolve(proctest.Context(t), s.ref("v1"), "")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again, byDigest, err := New().Resolve(proctest.Context(t), s.ref("other"), dgst)
		if err != nil || again != dgst || len(byDigest) != len(byTag) {
			t.Errorf("%s: by digest it is %s, %v, %v", name, again, byDigest, err)
		}
		var got []string
		for _, p := range byTag {
			got = append(got, platforms.FormatAll(p))
		}
		if !slices.Equal(got, tc.want) || !strings.HasPrefix(dgst, "sha256:") {
			t.Errorf("%s: %s, %q, want %q", name, dgst, got, tc.want)
		}
	}
	_, _, err := New().Resolve(proctest.Context(t), newServer(t).ref("v1"), "")
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "has no such image: check the name and the tag") {
		t.Errorf("an absent tag: %v", err)
	}
}

func TestAnImageWithoutAPlatformIsNotResolved(t *testing.T) {
	s := newServer(t)
	s.push("v1", empty.Image)
	if _, _, err := New().Resolve(proctest.Context(t), s.ref("v1"), ""); err == nil || !strings.Contains(err.Error(), "does not say its platform") {
		t.Errorf("got %v", err)
	}
}
