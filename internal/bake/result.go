package bake

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
)

// Result is what became of one image.
type Result struct {
	Image

	// Metadata is the frontend's: plans, trees and explanations.
	Metadata map[string][]byte

	// Response is the exporters'.
	Response map[string]string

	// Files are the files and folders that were written.
	Files []string

	// Platforms are the images of an index that was pushed.
	Platforms []PlatformImage

	// Attached are the links with production of the tags that were pushed.
	Attached []registry.Attachment
}

// PlatformImage is one image of an index.
type PlatformImage struct {
	Platform string `json:"platform"`
	Digest   string `json:"digest"`

	// Node is the node that built it, where there were several.
	Node string `json:"node,omitempty"`
}

// ProductionDigest is that of the production image that a debug tag is linked with, "" where
// it is not.
func (r *Result) ProductionDigest(ref registry.Reference) string {
	for _, a := range r.Attached {
		if a.Debug.Key() == ref.Key() {
			return a.ProductionDigest
		}
	}
	return ""
}

// Digest is that of the image or index, "" where none was exported.
func (r *Result) Digest() string { return r.Response["containerimage.digest"] }

// IDs are the digests by which an engine may name the image: that of the image, and that of its
// config.
func (r *Result) IDs() []string {
	var ids []string
	for _, key := range []string{exptypes.ExporterImageDigestKey, exptypes.ExporterImageConfigDigestKey} {
		if id := r.Response[key]; id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// Names are the image's references as users write them.
func (r *Result) Names() []string {
	var names []string
	for _, ref := range r.Refs {
		names = append(names, ref.Familiar())
	}
	return names
}

// Plans are the plans as JSON, one for each platform.
func (r *Result) Plans() [][]byte { return r.values(frontend.MetaPlan) }

// Trees are the definitions as text, where they were asked for, one for each platform.
func (r *Result) Trees() [][]byte { return r.values(frontend.MetaLLB) }

// Dockerfiles are ejected ones, one for each platform.
func (r *Result) Dockerfiles() [][]byte { return r.values(frontend.MetaDockerfile) }

// Explanations has one for each platform.
func (r *Result) Explanations() ([]derive.Explanation, error) {
	var list []derive.Explanation
	for _, dt := range r.values(frontend.MetaExplanation) {
		var e derive.Explanation
		if err := json.Unmarshal(dt, &e); err != nil {
			return nil, fmt.Errorf("reading the explanation: %w", err)
		}
		list = append(list, e)
	}
	return list, nil
}

// values are those of key, or of key and each platform, in the order of platforms.
func (r *Result) values(key string) [][]byte {
	var list [][]byte
	for _, k := range slices.Sorted(maps.Keys(r.Metadata)) {
		if k == key || strings.HasPrefix(k, key+"/") {
			list = append(list, r.Metadata[k])
		}
	}
	return list
}
