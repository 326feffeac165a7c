package production

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	commonexptypes "github.com/moby/buildkit/exporter/exptypes"
	"github.com/moby/buildkit/frontend/gateway/client"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
)

var errUnsolved = errors.New("the Dockerfile frontend returned a result that it did not solve through dlvgen")

// imagesOf takes a result of the Dockerfile frontend apart, which solved the requests.
func imagesOf(res *client.Result, requests map[client.Reference]client.SolveRequest) ([]Image, error) {
	var ps exptypes.Platforms
	if err := json.Unmarshal(res.Metadata[exptypes.ExporterPlatformsKey], &ps); err != nil {
		return nil, fmt.Errorf("decoding the platforms of the result: %w", err)
	}
	images := make([]Image, 0, len(ps.Platforms))
	for _, p := range ps.Platforms {
		img, ref := Image{Platform: p.Platform, ID: p.ID}, res.Ref
		if len(res.Refs) > 0 {
			ref, img.Suffix = res.Refs[p.ID], "/"+p.ID
		}
		if ref == nil {
			return nil, fmt.Errorf("the image for %s is empty: there is no program in it to debug", p.ID)
		}
		var solved bool
		if img.Solve, solved = requests[ref]; !solved {
			return nil, errUnsolved
		}
		for _, a := range res.Attestations[p.ID] {
			scan, solved := requests[a.Ref]
			if !solved {
				return nil, errUnsolved
			}
			img.Scans = append(img.Scans, scan)
		}
		img.Config, img.Base = &dockerspec.DockerOCIImage{}, &dockerspec.DockerOCIImage{}
		if err := json.Unmarshal(res.Metadata[exptypes.ExporterImageConfigKey+img.Suffix], img.Config); err != nil {
			return nil, fmt.Errorf("decoding the image config for %s: %w", p.ID, err)
		}
		if dt := res.Metadata[exptypes.ExporterImageBaseConfigKey+img.Suffix]; len(dt) > 0 {
			if err := json.Unmarshal(dt, img.Base); err != nil {
				return nil, fmt.Errorf("decoding the base image config for %s: %w", p.ID, err)
			}
		}
		if dt := res.Metadata[commonexptypes.ExporterEpochKey+img.Suffix]; len(dt) > 0 {
			img.Epoch, _ = epochOf(dt) // one that is none does not count
		}
		images = append(images, img)
	}
	return images, nil
}

// epochOf reads SOURCE_DATE_EPOCH.
func epochOf(dt []byte) (*time.Time, error) {
	sec, err := strconv.ParseInt(string(dt), 10, 64)
	if err != nil {
		return nil, err
	}
	epoch := time.Unix(sec, 0).UTC()
	return &epoch, nil
}
