package registry

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// raw is a manifest as BuildKit writes it.
type raw struct {
	mediaType types.MediaType
	content   string
}

func (r raw) RawManifest() ([]byte, error)        { return []byte(r.content), nil }
func (r raw) MediaType() (types.MediaType, error) { return r.mediaType, nil }

const descriptor = `"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2`

// The two forms of a build cache.
var (
	cacheManifest = raw{types.OCIManifestSchema1, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
		`"config":{"mediaType":"application/vnd.buildkit.cacheconfig.v0",` + descriptor + `},"layers":[]}`}
	cacheIndex = raw{types.OCIImageIndex, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",` +
		`"manifests":[{"mediaType":"application/vnd.buildkit.cacheconfig.v0",` + descriptor + `}]}`}
)

func TestCachesAreWrittenOverCachesOnly(t *testing.T) {
	tests := []struct {
		name   string
		pushed func(t *testing.T) remote.Taggable // nil: nothing
		reason string                             // "": may be written
	}{
		{"an absent tag", nil, ""},
		{"a cache", func(*testing.T) remote.Taggable { return cacheManifest }, ""},
		{"a cache in an index", func(*testing.T) remote.Taggable { return cacheIndex }, ""},
		{"a foreign image", func(t *testing.T) remote.Taggable { return foreign(t, "amd64") }, "media type"},
		{"our image", func(t *testing.T) remote.Taggable { return ours(t, "amd64") }, "media type"},
		{"an index", func(t *testing.T) remote.Taggable { return newIndex(t, ours(t, "amd64")) }, "index of images"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			if tt.pushed != nil {
				s.accepts("cache", tt.pushed(t))
			}
			err := New().GuardCache(proctest.Context(t), s.ref("cache"))
			var notCache *NotCacheError
			switch {
			case tt.reason == "" && err != nil:
				t.Errorf("may not be written: %v", err)
			case tt.reason != "" && (!errors.As(err, &notCache) || !strings.Contains(notCache.Reason, tt.reason)):
				t.Errorf("got %v, want a NotCacheError: %s", err, tt.reason)
			case tt.reason != "" && !strings.Contains(err.Error(), s.ref("cache").String()):
				t.Errorf("%v does not say which tag", err)
			}
		})
	}
}

func TestCachesAreNeverWrittenToProductionTags(t *testing.T) {
	s := newServer(t)
	err := New(WithProduction(s.ref("v1"))).GuardCache(proctest.Context(t), s.ref("v1"))
	var production *ProductionTagError
	if !errors.As(err, &production) || len(s.agents) != 0 {
		t.Errorf("got %v after %d requests, want a ProductionTagError", err, len(s.agents))
	}
}

// A cache is not an image of ours either.
func TestImagesAreNotWrittenOverCaches(t *testing.T) {
	for _, cache := range []raw{cacheManifest, cacheIndex} {
		s := newServer(t)
		s.accepts("v1-debug", cache)
		var notOurs *NotOursError
		if err := New().Guard(proctest.Context(t), s.ref("v1-debug")); !errors.As(err, &notOurs) {
			t.Errorf("%s: got %v, want a NotOursError", cache.mediaType, err)
		}
	}
}

// accepts makes the server answer with a manifest whose parts it need not have.
func (s *server) accepts(tag string, what remote.Taggable) {
	s.t.Helper()
	cache, ok := what.(raw)
	if !ok {
		s.push(tag, what)
		return
	}
	s.answers(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/manifests/"+tag) {
			return false
		}
		w.Header().Set("Content-Type", string(cache.mediaType))
		_, _ = w.Write([]byte(cache.content))
		return true
	})
}
