package frontend

import (
	"context"

	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/moby/buildkit/frontend/gateway/client"
)

// Ejected derives the images that Eject writes as Dockerfiles. The tools come from where builds
// have them, so the frontend image of such a Dockerfile need not be there.
func (f *Frontend) Ejected(ctx context.Context, c client.Client) ([]*derive.Image, error) {
	return f.ejected(ctx, c)
}
