package session

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/moby/client"
)

// Container is a [Target]: a container of Docker Engine.
type Container struct {
	engine     *docker.Engine
	seen       client.ContainerInspectResult
	image      client.ImageInspectResult // without a config where the engine has it no more
	production Production
	situation  Situation
	journals   Journals
}

// containerPattern is what Docker takes for the name or id of a container.
var containerPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// OpenContainer looks at a container by its name or id, nil where there is none.
func OpenContainer(ctx context.Context, e *docker.Engine, name string, j Journals) (*Container, error) {
	if !containerPattern.MatchString(name) {
		return nil, nil
	}
	seen, has, err := e.Container(ctx, name)
	if err != nil || !has {
		return nil, err
	}
	c := &Container{engine: e, seen: seen, journals: j}
	if err := c.readImage(ctx); err != nil {
		return nil, err
	}
	c.readSituation()
	return c, nil
}

// readImage reads what the engine has of the image that runs.
func (c *Container) readImage(ctx context.Context) error {
	seen := c.seen.Container
	name := seen.Image
	if seen.Config != nil && seen.Config.Image != "" {
		name = seen.Config.Image
	}
	image, has, err := c.engine.Image(ctx, seen.Image)
	if err != nil {
		return err
	}
	if !has { // somebody removed it by force
		c.production = newProduction(name, seen.Image, nil, nil)
		return nil
	}
	c.image = image
	c.production = newProduction(name, image.ID, image.RepoTags, image.RepoDigests)
	c.production.Platform = path.Join(image.Os, image.Architecture, image.Variant)
	if image.Config == nil || !variants.Ours(image.Config.Labels) {
		return nil
	}
	if c.production.Labels, err = variants.ParseLabels(image.Config.Labels); err != nil {
		return fmt.Errorf("the image %s has %w", name, err)
	}
	return nil
}

// sandboxes are runtimes whose containers share no PID namespace with others.
var sandboxes = []string{"runsc", "kata"}

func (c *Container) readSituation() {
	seen := c.seen.Container
	c.situation = Situation{Name: c.Name(), Kind: c.production.Labels.Kind}
	if state := seen.State; state != nil && (!state.Running || state.Paused || state.Restarting) {
		c.situation.State = string(state.Status)
	}
	if seen.HostConfig == nil {
		return
	}
	if runtime := seen.HostConfig.Runtime; slices.ContainsFunc(sandboxes, func(name string) bool { return strings.Contains(runtime, name) }) {
		c.situation.Sandbox = runtime
	}
}

// Name implements [Target].
func (c *Container) Name() string { return docker.NameOf(c.seen) }

// Production implements [Target].
func (c *Container) Production() Production { return c.production }

// Situation implements [Target].
func (c *Container) Situation() Situation { return c.situation }

// Labels are the debug image's that runs, without a kind where it is none.
func (c *Container) Labels() variants.Labels { return c.production.Labels }

// Debugger implements [Target].
func (c *Container) Debugger(way Way, image Image, o Options) (Debugger, error) {
	switch way {
	case WayConnect:
		return newConnected(c, o)
	case WaySidecar:
		return newSidecar(c, image, o)
	case WayAttach:
		return newAttached(c, o)
	case WayReplace:
		return newReplacement(c, image, o)
	}
	return nil, fmt.Errorf("a container cannot be debugged by the way %q", way)
}

// id is the container's.
func (c *Container) id() string { return c.seen.Container.ID }

// endedWith says how the container's program has ended, "" while it runs.
func (c *Container) endedWith(ctx context.Context) string {
	now, has, err := c.engine.Container(ctx, c.id())
	switch {
	case err != nil:
		return ""
	case !has:
		return fmt.Sprintf("the container %s was removed", c.Name())
	case now.Container.State == nil:
		return ""
	case !now.Container.State.Running:
		return fmt.Sprintf("the container %s has ended with exit code %d", c.Name(), now.Container.State.ExitCode)
	case c.seen.Container.State != nil && now.Container.State.StartedAt != c.seen.Container.State.StartedAt:
		return fmt.Sprintf("the container %s was started again", c.Name())
	}
	return ""
}
