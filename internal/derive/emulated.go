package derive

import (
	"context"
	"fmt"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/internal/emulation"
	"github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// warnEmulated warns where a step of production runs under emulation on the builder: so may the
// debug image, near it.
func (d *Deriver) warnEmulated(ctx context.Context, img production.Image) error {
	if caps := d.client.BuildOpts().Caps; caps.Supports(gwpb.CapGatewayWarnings) != nil {
		return nil
	}
	step, warning, err := d.emulation(img)
	if err != nil || step == "" {
		return err
	}
	if err := d.client.Warn(ctx, step, warning, client.WarnOpts{Level: 1}); err != nil {
		return fmt.Errorf("warning: %w", err)
	}
	return nil
}

// emulation is the first step that runs under emulation, and what to say of it; "" for none.
func (d *Deriver) emulation(img production.Image) (step digest.Digest, warning string, err error) {
	workers := d.client.BuildOpts().Workers
	if len(workers) == 0 || len(workers[0].Platforms) == 0 {
		return "", "", nil
	}
	own := workers[0].Platforms[0] // the first is the machine's
	step, p, err := emulated(img.Solve.Definition, own)
	if err != nil || step == "" {
		return "", "", err
	}
	return step, emulation.Warning(fmt.Sprintf("steps for %s run", platforms.FormatAll(p)), p, own), nil
}

// emulated is the first step of a definition that a machine of the platform own does not run
// by itself, "" for none.
func emulated(def *pb.Definition, own ocispecs.Platform) (step digest.Digest, p ocispecs.Platform, err error) {
	for _, dt := range def.GetDef() {
		var op pb.Op
		if err := op.UnmarshalVT(dt); err != nil {
			return "", p, fmt.Errorf("reading production's definition: %w", err)
		}
		if op.GetExec() == nil || op.GetPlatform() == nil {
			continue
		}
		if p = platforms.Normalize(op.GetPlatform().Spec()); !emulation.Native(p, own) {
			return digest.FromBytes(dt), p, nil
		}
	}
	return "", p, nil
}
