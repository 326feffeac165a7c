package buildkit

import (
	"context"

	controlapi "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/client"
)

// hasActiveBuild reports whether the daemon builds something now. A daemon that
// does not say is taken to be idle.
func hasActiveBuild(ctx context.Context, c *client.Client) bool {
	stream, err := c.ControlClient().ListenBuildHistory(ctx, &controlapi.BuildHistoryRequest{ActiveOnly: true, EarlyExit: true})
	if err != nil {
		return false
	}
	for {
		event, err := stream.Recv()
		if err != nil {
			return false
		}
		if event.Type == controlapi.BuildHistoryEventType_STARTED {
			return true
		}
	}
}
