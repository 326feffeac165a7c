// Package production is where the images come from that debug images are derived from: what
// BuildKit makes of a Dockerfile, or an image that was published.
package production

import (
	"context"
	"time"

	"github.com/moby/buildkit/frontend/gateway/client"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Source is where a production comes from.
type Source interface {
	// Load reads what the production is. It builds nothing of it.
	Load(ctx context.Context, c client.Client) (*Production, error)
}

// Production is what is built without dlvgen.
type Production struct {
	// Name is what messages call its source: "the Dockerfile".
	Name string

	// Images has one for each platform.
	Images []Image

	// Result has what exporters are told of the images. Its references are not built.
	Result *client.Result

	// Published is the source where that is an image alone, nil where steps make it.
	Published *Published
}

// Image is production's image for one platform: a definition, its config and its base.
type Image struct {
	// Solve is what builds it.
	Solve client.SolveRequest

	Platform ocispecs.Platform

	// ID is what results call the platform, "linux/amd64", and Suffix what it adds to
	// metadata keys: "" or "/linux/amd64".
	ID, Suffix string

	// Config is the image's, Base that of the image it is built from, empty for scratch.
	Config, Base *dockerspec.DockerOCIImage

	// Epoch is SOURCE_DATE_EPOCH, nil where it is not set.
	Epoch *time.Time

	// Scans are the steps that make the image's SBOM. The attestations of the result for
	// the platform, if any, are theirs, in their order.
	Scans []client.SolveRequest
}
