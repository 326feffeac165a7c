package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/buildkit/builders"
	"github.com/dlvgen/dlvgen/internal/emulation"
	"github.com/dlvgen/dlvgen/internal/version"
	bkclient "github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
)

func (d *Doctor) builders(ctx context.Context) ([]builders.Listed, error) {
	return d.builderFact.get(ctx, func(ctx context.Context) ([]builders.Listed, error) { return builders.List(ctx, d.Builder) })
}

// selected is the builder that a build would take, false for none.
func selected(list []builders.Listed) (builders.Listed, bool) {
	i := slices.IndexFunc(list, func(b builders.Listed) bool { return b.Selected })
	if i < 0 {
		return builders.Listed{}, false
	}
	return list[i], true
}

// checkBuilder looks at the builder that `dlvgen build` would take, and starts none.
func (d *Doctor) checkBuilder(ctx context.Context) finding {
	const remedy = "start Docker Engine, or name another builder with --builder or --addr: `dlvgen builders` lists them"
	list, err := d.builders(ctx)
	if err != nil {
		return failed(remedy, "%s", err)
	}
	one, ok := selected(list)
	if !ok {
		f := failed(remedy, "no builder can be used")
		for _, b := range list {
			f = withDetails(f, fmt.Sprintf("%s: %s", b.Info, line(b.Reason)))
		}
		return f
	}
	if one.Status == builders.Stopped {
		return found("%s is stopped: a build starts it", one.Info)
	}
	f := found("%s%s", one.Info, versioned(", BuildKit ", one.Version))
	lacks, err := d.lacks(ctx)
	if err != nil {
		return warning("see `dlvgen builders`", "%s answers, and does not build: %s", one.Info, err)
	}
	if len(lacks) > 0 {
		f.Found += ", lacks " + strings.Join(lacks, ", ")
	}
	for _, lack := range lacks {
		f = withDetails(f, lack+": "+lacking[lack])
	}
	return f
}

// versioned is text in front of a version that may be unknown.
func versioned(before, version string) string {
	if version == "" {
		return ""
	}
	return before + version
}

// What a builder may lack, and what that means.
const (
	lacksMerge    = "MergeOp"
	lacksExporter = "exporters of images"
)

var lacking = map[string]string{
	lacksMerge:    "the layers of a debug image are copied onto each other, which takes longer; BuildKit has it from v0.10 on",
	lacksExporter: "one platform and no attestations, because images leave it through the store of Docker Engine: `docker buildx create --use` makes another builder",
}

// lacks asks the builder that runs for what it can do.
func (d *Doctor) lacks(ctx context.Context) (list []string, err error) {
	b, err := builders.Open(ctx, d.Builder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = b.Close() }()
	if b.Classic {
		list = append(list, lacksExporter)
	}
	for _, node := range b.Nodes {
		caps, err := d.caps(ctx, node)
		if err != nil {
			return nil, err
		}
		if caps.Supports(pb.CapMergeOp) != nil && !slices.Contains(list, lacksMerge) {
			list = append(list, lacksMerge)
		}
	}
	return list, nil
}

// caps are those of BuildKit's LLB, which it tells to builds alone: to one that builds nothing and
// that no history lists.
func (d *Doctor) caps(ctx context.Context, node *builders.Node) (caps apicaps.CapSet, err error) {
	err = d.waits.Ask(ctx, node.Who, func(ctx context.Context) error {
		_, err := node.Build(ctx, bkclient.SolveOpt{Internal: true}, "dlvgen "+version.Version(), func(_ context.Context, c gateway.Client) (*gateway.Result, error) {
			caps = c.BuildOpts().LLBCaps
			return gateway.NewResult(), nil
		}, nil)
		return err
	})
	return caps, err
}

// checkEmulation says which platforms the builder only emulates.
func (d *Doctor) checkEmulation(ctx context.Context) finding {
	list, err := d.builders(ctx)
	one, ok := selected(list)
	switch {
	case err != nil || !ok:
		return skipped("there is no builder")
	case one.Status != builders.Running || len(one.Platforms) == 0:
		return skipped("%s does not say its platforms before it runs", one.Info)
	case len(one.Nodes) > 0:
		return found("%s has %d nodes, for %s", one.Info, len(one.Nodes), strings.Join(one.Platforms, ", "))
	}
	own, err := platforms.Parse(one.Platforms[0])
	if err != nil {
		return skipped("%s names a platform that nobody knows: %s", one.Info, one.Platforms[0])
	}
	var foreign []string
	for _, name := range one.Platforms[1:] {
		if p, err := platforms.Parse(name); err == nil && !emulation.Native(p, own) {
			foreign = append(foreign, name)
		}
	}
	if len(foreign) == 0 {
		return found("%s builds for %s itself, and emulates nothing", one.Info, one.Platforms[0])
	}
	return withDetails(found("%s builds for %s itself, and emulates %s", one.Info, one.Platforms[0], strings.Join(foreign, ", ")),
		"A debug image is debugged on a machine of its own platform: emulators such as QEMU do not support ptrace.")
}
