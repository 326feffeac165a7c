package bake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/worker/label"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// guardStore fails where BuildKit's worker stores images by name, as that of containerd
// does, and one of the names is not dlvgen's.
func (b *builder) guardStore(ctx context.Context, c *client.Client, attachables []session.Attachable) error {
	refs := b.names(inStore)
	if len(refs) == 0 || b.force || b.engineBuilds() { // the engine's names are guarded already
		return nil
	}
	workers, err := c.ListWorkers(ctx)
	if err != nil {
		return fmt.Errorf("asking BuildKit for its workers: %w", err)
	}
	if !slices.ContainsFunc(workers, func(w *client.WorkerInfo) bool { return w.Labels[label.Executor] != "oci" }) {
		return nil // the names are written nowhere
	}
	var taken error // BuildKit's answer has its text alone
	_, err = c.Build(ctx, client.SolveOpt{Session: attachables, Internal: true}, "dlvgen", func(ctx context.Context, gw gateway.Client) (*gateway.Result, error) {
		for _, ref := range refs {
			if err := guardStored(ctx, gw, ref); err != nil {
				taken = err
				return nil, err
			}
		}
		return gateway.NewResult(), nil
	}, nil)
	if taken != nil {
		return taken
	}
	return err
}

// guardStored asks for one name. BuildKit looks into the store first; what only the
// registry has under that name is not dlvgen's to hide either.
func guardStored(ctx context.Context, gw gateway.Client, ref registry.Reference) error {
	_, _, dt, err := gw.ResolveImageConfig(ctx, ref.String(), sourceresolver.Opt{
		ImageOpt: &sourceresolver.ResolveImageOpt{ResolveMode: pb.AttrImageResolveModePreferLocal},
	})
	var config ocispecs.Image
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && strings.Contains(err.Error(), "no match for platform"):
		return &registry.NotOursError{Ref: ref, Reason: err.Error(), Forced: true}
	case err != nil:
		// Neither has it: an image of the store needs no registry to be found.
		return nil
	}
	if err := json.Unmarshal(dt, &config); err != nil {
		return &registry.NotOursError{Ref: ref, Reason: err.Error(), Forced: true}
	}
	if !variants.Ours(config.Config.Labels) {
		return &registry.NotOursError{Ref: ref, Reason: "the image that BuildKit finds lacks the label " + variants.LabelVersion, Forced: true}
	}
	return nil
}
