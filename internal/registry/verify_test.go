package registry

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

func TestVerifyTakesAnIndex(t *testing.T) {
	s := newServer(t)
	index := newIndex(t, ours(t, "amd64"), ours(t, "arm64"))
	s.push("pushed", index)
	if err := New().Verify(proctest.Context(t), s.ref("v1-debug"), digestOf(t, index)); err != nil {
		t.Error(err)
	}
}

func TestVerifyTakesAPlainManifest(t *testing.T) {
	s := newServer(t)
	img := ours(t, "amd64")
	s.push("pushed", img)
	if err := New().Verify(proctest.Context(t), s.ref("any"), digestOf(t, img)); err != nil {
		t.Error(err)
	}
}

func TestVerifyNamesWhatIsMissing(t *testing.T) {
	img := ours(t, "amd64")
	index := newIndex(t, img)
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	attestation := manifest.Manifests[len(manifest.Manifests)-1].Digest.String()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, lacks, says string }{
		{"the index", digestOf(t, index), "its manifest is missing"},
		{"an image's manifest", digestOf(t, img), "image " + digestOf(t, img) + " (linux/amd64) is missing"},
		{"an image's config", config.String(), "the config of image " + digestOf(t, img) + " (linux/amd64) is missing"},
		{"a layer", digestOf(t, layers[1]), "layer " + digestOf(t, layers[1]) + " of image"},
		{"an attestation", attestation, "attestation " + attestation + " is missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			s.push("pushed", index)
			s.lacks(tt.lacks)
			err := New().Verify(proctest.Context(t), s.ref("v1-debug"), digestOf(t, index))
			var broken *VerifyError
			if !errors.As(err, &broken) || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v, want a VerifyError: %s", err, tt.says)
			}
			if want := s.ref("x").Repository() + "@" + digestOf(t, index); broken.Ref != want || strings.Contains(err.Error(), "\n") {
				t.Errorf("reference %s, or more than one line: %q", broken.Ref, err)
			}
		})
	}
}

func TestVerifyComparesTheSizesOfLayers(t *testing.T) {
	s := newServer(t)
	img := ours(t, "amd64")
	s.push("pushed", img)
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, digestOf(t, layers[0])) {
			return false
		}
		w.Header().Set("Content-Length", "7")
		w.WriteHeader(http.StatusOK)
		return true
	})
	err = New().Verify(proctest.Context(t), s.ref("v1-debug"), digestOf(t, img))
	if err == nil || !strings.Contains(err.Error(), "has 7 bytes") {
		t.Errorf("got %v, want an error about the size", err)
	}
}

func TestVerifyRefusesWhatIsNotOurs(t *testing.T) {
	for name, images := range map[string][]v1.Image{
		"one platform lacks the label": {ours(t, "amd64"), foreign(t, "arm64")},
		"no image":                     nil,
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			index := newIndex(t, images...)
			s.push("pushed", index)
			err := New().Verify(proctest.Context(t), s.ref("v1-debug"), digestOf(t, index))
			var broken *VerifyError
			if !errors.As(err, &broken) {
				t.Errorf("got %v, want a VerifyError", err)
			}
		})
	}
}

func TestVerifyRefusesWhatIsNoDigest(t *testing.T) {
	for _, digest := range []string{"", "v1", "sha256:", "sha256:zz"} {
		if err := New().Verify(proctest.Context(t), newServer(t).ref("v1-debug"), digest); err == nil {
			t.Errorf("%q was verified", digest)
		}
	}
}
