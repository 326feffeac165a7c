package frontend

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	commonexptypes "github.com/moby/buildkit/exporter/exptypes"
	"github.com/moby/buildkit/frontend/gateway/client"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// image is one platform's image within a result.
type image struct {
	ref      client.Reference
	platform ocispecs.Platform

	// suffix is what the platform adds to metadata keys: "" or "/linux/amd64".
	suffix string

	config, base *dockerspec.DockerOCIImage
	epoch        *time.Time
}

// imagesOf takes a result of the Dockerfile frontend apart.
func imagesOf(res *client.Result) ([]image, error) {
	var ps exptypes.Platforms
	if err := json.Unmarshal(res.Metadata[exptypes.ExporterPlatformsKey], &ps); err != nil {
		return nil, fmt.Errorf("decoding the platforms of the result: %w", err)
	}
	images := make([]image, 0, len(ps.Platforms))
	for _, p := range ps.Platforms {
		img := image{ref: res.Ref, platform: p.Platform}
		if len(res.Refs) > 0 {
			img.ref, img.suffix = res.Refs[p.ID], "/"+p.ID
		}
		if img.ref == nil {
			return nil, fmt.Errorf("the image for %s is empty: there is no program in it to debug", p.ID)
		}
		img.config, img.base = &dockerspec.DockerOCIImage{}, &dockerspec.DockerOCIImage{}
		if err := json.Unmarshal(res.Metadata[exptypes.ExporterImageConfigKey+img.suffix], img.config); err != nil {
			return nil, fmt.Errorf("decoding the image config for %s: %w", p.ID, err)
		}
		if dt := res.Metadata[exptypes.ExporterImageBaseConfigKey+img.suffix]; len(dt) > 0 {
			if err := json.Unmarshal(dt, img.base); err != nil {
				return nil, fmt.Errorf("decoding the base image config for %s: %w", p.ID, err)
			}
		}
		if dt := res.Metadata[commonexptypes.ExporterEpochKey+img.suffix]; len(dt) > 0 {
			if sec, err := strconv.ParseInt(string(dt), 10, 64); err == nil {
				epoch := time.Unix(sec, 0).UTC()
				img.epoch = &epoch
			}
		}
		images = append(images, img)
	}
	return images, nil
}
