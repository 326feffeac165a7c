package bake

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"

	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/docker/buildx/util/platformutil"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
)

// join is what became of an image on all nodes. What was pushed by digest from each becomes
// one index.
func (b *builder) join(ctx context.Context, parts []*job) (*Result, error) {
	if len(parts) == 1 {
		return parts[0].result, nil
	}
	whole := &Result{Image: parts[0].result.Image, Metadata: map[string][]byte{}, Response: map[string]string{}}
	var pushed []string
	for _, part := range parts {
		maps.Copy(whole.Metadata, part.result.Metadata)
		for _, file := range part.result.Files {
			if !slices.Contains(whole.Files, file) {
				whole.Files = append(whole.Files, file)
			}
		}
		pushed = append(pushed, part.result.Digest())
	}
	if !b.writes(output.pushes) {
		return whole, nil // each node has a digest of its own
	}
	index, err := b.registry.Join(ctx, pushed, platformutil.Format(b.platforms), whole.Refs)
	if err != nil {
		return nil, err
	}
	descriptor, err := json.Marshal(index)
	if err != nil {
		return nil, err
	}
	whole.Response[exptypes.ExporterImageDigestKey] = index.Digest.String()
	whole.Response[exptypes.ExporterImageDescriptorKey] = base64.StdEncoding.EncodeToString(descriptor)
	return whole, nil
}

// setPlatforms adds what an index that was pushed has for each platform.
func (b *builder) setPlatforms(ctx context.Context, res *Result) error {
	images, err := b.registry.Platforms(ctx, res.Refs[0], res.Digest())
	if err != nil {
		return err
	}
	for _, img := range images {
		one := PlatformImage{Platform: img.Platform, Digest: img.Digest}
		for _, n := range b.on.Nodes {
			if len(b.on.Nodes) > 1 && slices.Contains(platformutil.Format(n.Builds), img.Platform) {
				one.Node = n.Name
			}
		}
		res.Platforms = append(res.Platforms, one)
	}
	return nil
}

// isIndex says that the exporters' answer is an index: where it does not say, one platform
// was asked for at most.
func (r *Request) isIndex(res *Result) bool {
	text, err := base64.StdEncoding.DecodeString(res.Response[exptypes.ExporterImageDescriptorKey])
	var d registry.Descriptor
	if err == nil && json.Unmarshal(text, &d) == nil {
		return d.MediaType.IsIndex()
	}
	return len(r.platforms) > 1
}
