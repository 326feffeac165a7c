package bake

import (
	"maps"
	"testing"

	"github.com/moby/buildkit/client"
)

func TestLayersAreCompressedAheadAsTheyArePushedAndNothingIsNamed(t *testing.T) {
	pushed := map[string]string{
		"name": "registry.example/app", "push": "true", "push-by-digest": "true", "store": "true", "unpack": "true",
		"compression": "zstd", "compression-level": "3", "oci-mediatypes": "true", "rewrite-timestamp": "true",
		"registry.insecure": "true", "annotation.key": "value",
	}
	got, ok := compression([]client.ExportEntry{
		{Type: client.ExporterOCI, Attrs: map[string]string{"compression": "gzip", "push": "true"}},
		{Type: client.ExporterImage, Attrs: pushed},
	})
	want := map[string]string{"push": "false", "store": "false", "compression": "zstd", "compression-level": "3", "oci-mediatypes": "true"}
	if !ok || got.Type != client.ExporterImage || !maps.Equal(got.Attrs, want) {
		t.Errorf("the export is %v %v, want %v", got, ok, want)
	}
	if got, ok := compression([]client.ExportEntry{{Type: client.ExporterDocker, Attrs: map[string]string{}}}); ok {
		t.Errorf("an image that is not pushed is compressed ahead: %v", got)
	}
}
