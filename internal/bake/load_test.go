package bake

import (
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/buildkit/builders"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/proctest"
	engine "github.com/moby/moby/client"
)

// arm64Engine is a Docker Engine on that platform, which says no more than this.
func arm64Engine(t *testing.T) *docker.Engine {
	t.Helper()
	path := filepath.Join(t.TempDir(), "docker.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/version") {
			_ = json.NewEncoder(w).Encode(map[string]string{"Os": "linux", "Arch": "arm64"})
		}
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	c, err := engine.New(engine.WithHost("unix://" + path))
	if err != nil {
		t.Fatal(err)
	}
	return docker.Of(c, &patience.Patience{})
}

func TestALoadIntoAnEngineThatWouldEmulateIsWarnedOf(t *testing.T) {
	e := arm64Engine(t)
	for _, test := range []struct {
		platforms []string
		load      bool
		want      string
	}{
		{[]string{"linux/amd64"}, true, "warning: Docker Engine can run images for linux/amd64 only under emulation on linux/arm64. "},
		{[]string{"linux/arm64"}, true, ""},
		{[]string{"linux/arm/v7"}, true, ""},
		{nil, true, ""},
		{[]string{"linux/amd64"}, false, ""},
	} {
		var told string
		b := &builder{engine: e, streams: Streams{Tell: func(line string) { told += line }},
			Request: mustRequest(t, Options{Tags: []string{"app:v1"}, Load: test.load, Platforms: test.platforms})}
		if err := b.warnEmulated(proctest.Context(t)); err != nil {
			t.Fatal(err)
		}
		if test.want == "" && told != "" || !strings.HasPrefix(told, test.want) {
			t.Errorf("%v, load %v: told %q, want %q", test.platforms, test.load, told, test.want)
		}
	}
}

func TestSeveralPlatformsAreLoadedByTheEngineThatBuildsThem(t *testing.T) {
	for name, test := range map[string]struct {
		platforms []string
		load      bool
		on        *builders.Builder
		want      string
	}{
		"another builder":   {[]string{"linux/amd64", "linux/arm64"}, true, &builders.Builder{}, "--load takes one platform from this builder, and these were asked for: linux/amd64,linux/arm64: "},
		"the engine's":      {[]string{"linux/amd64", "linux/arm64"}, true, &builders.Builder{Engine: &builders.Engine{}}, ""},
		"one platform":      {[]string{"linux/amd64"}, true, &builders.Builder{}, ""},
		"nothing is loaded": {[]string{"linux/amd64", "linux/arm64"}, false, &builders.Builder{}, ""},
	} {
		b := &builder{on: test.on, Request: mustRequest(t, Options{Tags: []string{"app:v1"}, Load: test.load, Platforms: test.platforms})}
		if err := b.checkLoad(); (err != nil) != (test.want != "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}
