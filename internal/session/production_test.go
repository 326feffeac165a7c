package session

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/google/go-containerregistry/pkg/name"
	server "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// TestWhatIsDerivedFrom is the image that runs, not what its tag may name by now.
func TestWhatIsDerivedFrom(t *testing.T) {
	s := httptest.NewServer(server.New())
	t.Cleanup(s.Close)
	host := strings.TrimPrefix(s.URL, "http://")
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	at, err := name.ParseReference(host + "/mirror/app:v1")
	if err == nil {
		err = remote.Write(at, img)
	}
	if err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	pushed, unknown := host+"/mirror/app@"+digest.String(), host+"/other@"+digest.String()
	f := Finder{Registry: registry.New()}
	for _, test := range []struct {
		image         string
		tags, digests []string
		want          string
	}{
		{host + "/app:v1", nil, []string{unknown, pushed}, pushed},
		{host + "/app:v1", nil, []string{unknown}, host + "/app:v1"}, // as the store of containerd names what was built
		{digest.String(), []string{host + "/app:v2"}, nil, host + "/app:v2"},
		{digest.String(), nil, nil, digest.String()},
	} {
		if got := f.Published(t.Context(), newProduction(test.image, digest.String(), test.tags, test.digests)); got != test.want {
			t.Errorf("%s %q %q: got %s, want %s", test.image, test.tags, test.digests, got, test.want)
		}
	}
}
