package session

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// ImageTarget is a [Target]: an image, of which a container is run for the session.
type ImageTarget struct {
	engine     *docker.Engine
	production Production
	journals   Journals
}

// OpenImage looks at an image of the engine, or of a registry, nil where neither has it.
func (f Finder) OpenImage(ctx context.Context, name string, j Journals) (*ImageTarget, error) {
	t := &ImageTarget{engine: f.Engine, journals: j}
	image, has, err := f.Engine.Image(ctx, name)
	if err != nil {
		return nil, err
	}
	var labels map[string]string
	if has {
		t.production = newProduction(name, image.ID, image.RepoTags, image.RepoDigests)
		t.production.Platform = path.Join(image.Os, image.Architecture, image.Variant)
		if image.Config != nil {
			labels = image.Config.Labels
		}
	} else if labels, err = f.readImage(ctx, name, t); err != nil {
		return nil, err
	}
	if variants.Ours(labels) {
		if t.production.Labels, err = variants.ParseLabels(labels); err != nil {
			return nil, fmt.Errorf("%s has %w", name, err)
		}
	}
	return t, nil
}

// readImage reads an image of a registry.
func (f Finder) readImage(ctx context.Context, name string, t *ImageTarget) (map[string]string, error) {
	ref, digest, err := registry.ParseImage(name)
	if err != nil {
		return nil, err
	}
	labels, err := f.Registry.Labels(ctx, ref, digest)
	if err != nil {
		return nil, err
	}
	top, _, err := f.Registry.Images(ctx, ref, digest)
	if err != nil {
		return nil, err
	}
	t.production = newProduction(name, top, nil, []string{ref.Repository() + "@" + top})
	return labels, nil
}

// Name implements [Target].
func (t *ImageTarget) Name() string { return t.production.Name }

// Production implements [Target].
func (t *ImageTarget) Production() Production { return t.production }

// Situation implements [Target].
func (t *ImageTarget) Situation() Situation {
	return Situation{Name: t.Name(), Image: true, Kind: t.production.Labels.Kind}
}

// Debugger implements [Target].
func (t *ImageTarget) Debugger(way Way, image Image, o Options) (Debugger, error) {
	if way != WayRun {
		return nil, fmt.Errorf("an image cannot be debugged by the way %q", way)
	}
	if o.Process != "" {
		return nil, fmt.Errorf("--pid and --program are for a container that runs: %s is an image, which starts its own program", t.Name())
	}
	r := &newContainer{
		launched: launched{engine: t.engine, journals: t.journals, image: image, platform: t.production.Platform, target: t.Name(), options: o},
		start:    o.Start,
	}
	if r.start == "" {
		r.start = image.Labels.Start
	}
	_, err := image.Port()
	if err == nil {
		err = reachable(t.engine)
	}
	return r, err
}

// newContainer is a container of a debug image.
type newContainer struct {
	launched
	start variants.Start
}

// Steps implements [Debugger].
func (r *newContainer) Steps() []Step {
	port, _ := r.image.Port() // was read before
	words := []string{"docker", "run", "--rm", "-d", "--name", "dlvgen-debug", "-p", publish(port, r.options.Port)}
	if r.start != "" {
		words = append(words, "-e", startVariable+"="+string(r.start))
	}
	return []Step{
		{Why: "a container of the debug image, with its debugger's port on loopback only", Words: append(words, r.image.Ref)},
		{Why: "the end", Words: []string{"docker", "stop", "dlvgen-debug"}},
	}
}

// Start implements [Debugger].
func (r *newContainer) Start(ctx context.Context) (Endpoint, error) {
	seen, err := r.ensure(ctx)
	if err != nil {
		return Endpoint{}, err
	}
	port, err := r.image.Port()
	if err != nil {
		return Endpoint{}, err
	}
	config, host := &container.Config{Image: r.image.Ref}, &container.HostConfig{}
	if r.start != "" {
		config.Env = []string{startVariable + "=" + string(r.start)}
	}
	var inside []network.Port
	if seen.Config != nil {
		for name := range seen.Config.ExposedPorts {
			if p, err := network.ParsePort(name); err == nil && p.Proto() == network.TCP && int(p.Num()) != port {
				inside = append(inside, p)
				bind(config, host, int(p.Num()), 0)
			}
		}
	}
	bind(config, host, port, r.options.Port)
	if err := r.begin(journal{}); err != nil {
		return Endpoint{}, err
	}
	at, err := r.run(ctx, client.ContainerCreateOptions{Config: config, HostConfig: host}, r.start == variants.StartContinue)
	if err == nil {
		r.tellPorts(ctx, inside)
	}
	return at, err
}

// tellPorts says where the program's own ports are found.
func (r *newContainer) tellPorts(ctx context.Context, ports []network.Port) {
	seen, has, err := r.engine.Container(ctx, r.id)
	if err != nil || !has {
		return
	}
	reach, err := r.engine.ReachOf(seen)
	if err != nil {
		return
	}
	slices.SortFunc(ports, func(a, b network.Port) int { return int(a.Num()) - int(b.Num()) })
	for _, p := range ports {
		if host, public, _, err := reach.Address(int(p.Num())); err == nil {
			r.options.Tell(fmt.Sprintf("port %d of %s is found at %s:%d", p.Num(), r.target, host, public))
		}
	}
}

// Ended implements [Debugger].
func (r *newContainer) Ended(ctx context.Context) error { return r.ended(ctx) }
