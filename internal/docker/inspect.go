package docker

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Labels returns those of an image, and whether the engine has it.
func (e *Engine) Labels(ctx context.Context, image string) (labels map[string]string, has bool, err error) {
	var answer client.ImageInspectResult
	has, err = e.inspect(ctx, "image", image, func(ctx context.Context) (err error) {
		answer, err = e.ImageInspect(ctx, image)
		return err
	})
	if answer.Config != nil {
		labels = answer.Config.Labels
	}
	return labels, has, err
}

// Container describes a container by its name or id, and tells whether there is one.
func (e *Engine) Container(ctx context.Context, name string) (answer client.ContainerInspectResult, has bool, err error) {
	has, err = e.inspect(ctx, "container", name, func(ctx context.Context) (err error) {
		answer, err = e.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
		return err
	})
	return answer, has, err
}

// Platform is that of the machine that the engine runs on.
func (e *Engine) Platform(ctx context.Context) (p ocispecs.Platform, err error) {
	err = e.ask(ctx, func(ctx context.Context) error {
		answer, err := e.ServerVersion(ctx, client.ServerVersionOptions{})
		p.OS, p.Architecture = answer.Os, answer.Arch
		return err
	})
	if err != nil {
		return p, fmt.Errorf("asking Docker Engine for its platform: %w", err)
	}
	return p, nil
}

// inspect tells whether there is what the question is about.
func (e *Engine) inspect(ctx context.Context, what, name string, question func(context.Context) error) (has bool, err error) {
	err = e.ask(ctx, question)
	switch {
	case errdefs.IsNotFound(err) || errdefs.IsInvalidArgument(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("inspecting the %s %s: %w", what, name, err)
	}
	return true, nil
}
