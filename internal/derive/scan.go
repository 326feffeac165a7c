package derive

import (
	"context"

	"github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
)

// scan has the steps that would scan production scan the debug image, whose definition is
// given, and the stages that it was built from.
func (d *derivation) scan(ctx context.Context, debug *pb.Definition) ([]client.Reference, error) {
	var refs []client.Reference
	for _, before := range d.image.Scans {
		def, err := d.made.Rescan(before.Definition, debug)
		if err != nil {
			return nil, err
		}
		res, err := d.client.Solve(ctx, client.SolveRequest{Definition: def, CacheImports: before.CacheImports})
		if err != nil {
			return nil, err
		}
		ref, err := res.SingleRef()
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	return refs, nil
}
