package variants

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/dlvgen/dlvgen/internal/layout"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// HistoryComment is that of the layers that dlvgen adds, in an image's history.
const HistoryComment = "dlvgen"

// debugConfig is production's config with the debugger in it: ENTRYPOINT, CMD,
// EXPOSE and labels change, everything else stays. A sidecar has a config of its own.
func debugConfig(in Input, p *Plan) (*dockerspec.DockerOCIImage, error) {
	img, err := clone(in.Config)
	if p.Request.Variant.Kind == KindSidecar {
		img, err = sidecarConfig(in.Config), nil
	}
	if err != nil {
		return nil, err
	}
	if p.Request.Variant.Kind != KindAttach {
		if err := expose(img, in.Request); err != nil {
			return nil, err
		}
	}
	if p.Test != nil {
		img.Config.WorkingDir, img.Config.Healthcheck = p.Test.Dir, nil // which is the program's
	}
	img.Config.Entrypoint = p.Entrypoint
	img.Config.Cmd = p.Command
	img.Config.ArgsEscaped = false //nolint:staticcheck // deprecated, and set by old Windows images only

	if img.Config.Labels == nil {
		img.Config.Labels = map[string]string{}
	}
	labels, err := labelsOf(p).Encode()
	if err != nil {
		return nil, err
	}
	maps.Copy(img.Config.Labels, labels)
	date(img, in, p.Layers)
	return img, nil
}

// expose adds the debugger's port to the image's.
func expose(img *dockerspec.DockerOCIImage, r Request) error {
	_, port, err := SplitAddress(r.Address())
	if err != nil {
		return fmt.Errorf("listen is %q: %w", r.Address(), err)
	}
	if err := claimed(&img.Config, r, port); err != nil {
		return err
	}
	if img.Config.ExposedPorts == nil {
		img.Config.ExposedPorts = map[string]struct{}{}
	}
	img.Config.ExposedPorts[strconv.Itoa(port)+"/tcp"] = struct{}{}
	return nil
}

// sidecarConfig is the config of an image that has nothing of production's but
// the platform. It runs as root: the program that it attaches to may be anybody's.
func sidecarConfig(production *dockerspec.DockerOCIImage) *dockerspec.DockerOCIImage {
	img := &dockerspec.DockerOCIImage{}
	img.Platform = production.Platform
	img.Config.Env = []string{"PATH=/", "XDG_CONFIG_HOME=" + layout.Config}
	img.Config.WorkingDir = "/"
	return img
}

// date gives every moment that production left to the exporter's clock a fixed
// value, so that the same input gives the same digest: SOURCE_DATE_EPOCH, else
// when the base image was made, else 1970.
func date(img *dockerspec.DockerOCIImage, in Input, layers []Layer) {
	fixed := time.Unix(0, 0).UTC()
	switch {
	case in.Epoch != nil:
		fixed = in.Epoch.UTC()
	case in.Base != nil && in.Base.Created != nil:
		fixed = in.Base.Created.UTC()
	}
	img.Created = &fixed
	for i := range img.History {
		if img.History[i].Created == nil {
			img.History[i].Created = &fixed
		}
	}
	for _, l := range layers {
		img.History = append(img.History, ocispecs.History{
			Created:   &fixed,
			CreatedBy: "dlvgen: " + l.Description + " at " + l.Files,
			Comment:   HistoryComment,
		})
	}
}

// clone is a deep copy.
func clone(img *dockerspec.DockerOCIImage) (*dockerspec.DockerOCIImage, error) {
	dt, err := json.Marshal(img)
	if err != nil {
		return nil, fmt.Errorf("copying the image config: %w", err)
	}
	copied := &dockerspec.DockerOCIImage{}
	if err := json.Unmarshal(dt, copied); err != nil {
		return nil, fmt.Errorf("copying the image config: %w", err)
	}
	return copied, nil
}
