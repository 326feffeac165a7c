package bake

import (
	"context"
	"slices"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	"golang.org/x/sync/errgroup"
)

// takeTurn returns when no other image of the node is exported, and the job's exports may begin:
// at the same time, each image would find the blobs that they share missing from the registry,
// and send them. What does not write to the registry is done before: while one image is
// exported, others are put together and their layers compressed. release is to be called after
// the export.
func (j *job) takeTurn(ctx context.Context, gw gateway.Client, derived *gateway.Result) (release func(), err error) {
	nothing := func() {}
	if !j.several {
		return nothing, nil
	}
	if err := putTogether(ctx, gw, derived); err != nil {
		return nothing, err
	}
	exports := &j.node.exports
	if !exports.TryLock() {
		j.compress(ctx, derived)
		exports.Lock()
	}
	return exports.Unlock, nil
}

// putTogether runs the steps that the images still wait for. A BuildKit that cannot be asked to
// runs them in the export.
func putTogether(ctx context.Context, gw gateway.Client, derived *gateway.Result) error {
	if caps := gw.BuildOpts().Caps; caps.Supports(gwpb.CapGatewayEvaluate) != nil {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	_ = derived.EachRef(func(ref gateway.Reference) error {
		group.Go(func() error { return ref.Evaluate(ctx) })
		return nil
	})
	return group.Wait()
}

// compress has BuildKit compress the layers of images that are going to be pushed. It exports
// them to nowhere, by a build that is in no history. The blobs are those of the layers then, and
// the export finds them. Where that fails, the export does it, and has the better error.
func (j *job) compress(ctx context.Context, derived *gateway.Result) {
	entry, ok := compression(j.options.Exports)
	if !ok {
		return
	}
	options := client.SolveOpt{
		Exports:             []client.ExportEntry{entry},
		Session:             j.options.Session,
		AllowedEntitlements: j.options.AllowedEntitlements,
		Internal:            true,
	}
	_, _ = j.node.Build(ctx, options, "dlvgen", func(ctx context.Context, gw gateway.Client) (*gateway.Result, error) {
		again := gateway.NewResult()
		if platforms, ok := derived.Metadata[exptypes.ExporterPlatformsKey]; ok {
			again.AddMeta(exptypes.ExporterPlatformsKey, platforms)
		}
		var err error
		if again.Ref, err = solveAgain(ctx, gw, derived.Ref); err != nil {
			return nil, err
		}
		for platform, ref := range derived.Refs {
			if ref, err = solveAgain(ctx, gw, ref); err != nil {
				return nil, err
			}
			again.AddRef(platform, ref)
		}
		return again, nil
	}, nil)
}

// solveAgain is what another build of the same BuildKit has solved.
func solveAgain(ctx context.Context, gw gateway.Client, ref gateway.Reference) (gateway.Reference, error) {
	if ref == nil {
		return nil, nil
	}
	state, err := ref.ToState()
	if err != nil {
		return nil, err
	}
	def, err := state.Marshal(ctx)
	if err != nil {
		return nil, err
	}
	res, err := gw.Solve(ctx, gateway.SolveRequest{Definition: def.ToPB()})
	if err != nil {
		return nil, err
	}
	return res.SingleRef()
}

// compression is an export that makes the layers of those that push, and names and sends
// nothing; false where none pushes.
func compression(exports []client.ExportEntry) (client.ExportEntry, bool) {
	i := slices.IndexFunc(exports, func(e client.ExportEntry) bool {
		return e.Type == client.ExporterImage && e.Attrs["push"] == "true"
	})
	if i < 0 {
		return client.ExportEntry{}, false
	}
	attrs := map[string]string{"push": "false", "store": "false"}
	for _, key := range []string{"compression", "compression-level", "force-compression", "oci-mediatypes"} {
		if value, given := exports[i].Attrs[key]; given {
			attrs[key] = value
		}
	}
	return client.ExportEntry{Type: client.ExporterImage, Attrs: attrs}, true
}
