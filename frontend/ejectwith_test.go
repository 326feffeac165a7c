package frontend

import (
	"context"

	"github.com/moby/buildkit/frontend/gateway/client"
)

// EjectWith is Eject for a frontend image that is not looked at: the tools come from where
// builds have them.
func (f *Frontend) EjectWith(ctx context.Context, c client.Client, image string) (*client.Result, error) {
	return f.eject(ctx, c, image)
}
