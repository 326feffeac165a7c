package docker

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Labels returns those of an image, and whether the engine has it.
func (e *Engine) Labels(ctx context.Context, image string) (labels map[string]string, has bool, err error) {
	answer, has, err := e.Image(ctx, image)
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

// NameOf is a container's name without the slash that the engine has in front of it.
func NameOf(answer client.ContainerInspectResult) string {
	return strings.TrimPrefix(answer.Container.Name, "/")
}

// Image describes an image by its name or id, and tells whether the engine has it.
func (e *Engine) Image(ctx context.Context, name string) (answer client.ImageInspectResult, has bool, err error) {
	has, err = e.inspect(ctx, "image", name, func(ctx context.Context) (err error) {
		answer, err = e.ImageInspect(ctx, name)
		return err
	})
	return answer, has, err
}

// ImagesWith are the images that have a label of a value.
func (e *Engine) ImagesWith(ctx context.Context, label, value string) (list []image.Summary, err error) {
	err = e.ask(ctx, func(ctx context.Context) error {
		answer, err := e.ImageList(ctx, client.ImageListOptions{Filters: client.Filters{}.Add("label", label+"="+value)})
		list = answer.Items
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing the images of Docker Engine: %w", err)
	}
	return list, nil
}

// ContainersWith are the containers, running or not, that have a label, of a value where that
// is not empty.
func (e *Engine) ContainersWith(ctx context.Context, label, value string) ([]container.Summary, error) {
	if value != "" {
		label += "=" + value
	}
	return e.containers(ctx, client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", label)})
}

// Running are the containers that run.
func (e *Engine) Running(ctx context.Context) ([]container.Summary, error) {
	return e.containers(ctx, client.ContainerListOptions{})
}

func (e *Engine) containers(ctx context.Context, options client.ContainerListOptions) (list []container.Summary, err error) {
	err = e.ask(ctx, func(ctx context.Context) error {
		answer, err := e.ContainerList(ctx, options)
		list = answer.Items
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing the containers of Docker Engine: %w", err)
	}
	return list, nil
}
