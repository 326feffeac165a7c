package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/bake"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/registry"
)

// found is what a name on the command line of `dlvgen connect` turned out to be.
type found struct {
	// name is the image's reference or the container's name.
	name   string
	source sourceValue
	labels map[string]string

	// container is set for sourceContainer.
	container *container
}

// sourceValue is the flag --source: where a name is looked up.
type sourceValue string

const (
	sourceAny       sourceValue = ""
	sourceContainer sourceValue = "container"
	sourceImage     sourceValue = "image"
	sourceRegistry  sourceValue = "registry"
)

// check tells what else it must be.
func (s sourceValue) check() error {
	sources := []string{string(sourceContainer), string(sourceImage), string(sourceRegistry)}
	if slices.Contains(sources, string(s)) {
		return nil
	}
	return fmt.Errorf("it must be one of %s", strings.Join(sources, ", "))
}

// finder looks a name up: as a running container, as an image of Docker Engine, as an
// image in a registry.
type finder struct {
	source   sourceValue
	registry *registry.Client
	patience *patience.Patience
}

func (f finder) find(ctx context.Context, name string) (*found, error) {
	if f.source == sourceRegistry {
		return f.inRegistry(ctx, name)
	}
	e, engineErr := bake.ConnectEngine(ctx, f.patience)
	if engineErr == nil {
		defer func() { _ = e.Close() }()
		got, err := f.inEngine(ctx, e, name)
		if got != nil || err != nil {
			return got, err
		}
	} else if f.source != sourceAny {
		return nil, engineErr
	}
	got, err := f.inRegistry(ctx, name)
	switch {
	case err == nil:
		return got, nil
	case engineErr != nil:
		return nil, fmt.Errorf("%w (and Docker Engine could not be asked: %w)", err, engineErr)
	}
	return nil, fmt.Errorf("%s is neither a container nor an image of Docker Engine, and %w", name, err)
}

// inEngine looks in Docker Engine. Where nothing is found and --source allows to look
// elsewhere, it returns nothing.
func (f finder) inEngine(ctx context.Context, e *docker.Engine, name string) (*found, error) {
	var stopped error
	if f.source != sourceImage {
		got, err := runningContainer(ctx, e, name)
		var ended *docker.NotRunningError
		switch {
		case errors.As(err, &ended) && f.source == sourceAny:
			stopped = err
		case err != nil:
			return nil, err
		case got != nil:
			return got, nil
		case f.source == sourceContainer:
			return nil, fmt.Errorf("Docker Engine has no container %s: list the running ones with `docker ps`", name)
		}
	}
	labels, has, err := e.Labels(ctx, name)
	if err != nil {
		return nil, err
	}
	if has {
		return &found{name: name, source: sourceImage, labels: labels}, nil
	}
	if f.source == sourceImage {
		return nil, fmt.Errorf("Docker Engine has no image %s: list its images with `docker images`", name)
	}
	return nil, stopped
}

func (f finder) inRegistry(ctx context.Context, name string) (*found, error) {
	// The digest counts where there is one, as dlvgen build prints it behind the tag.
	named, digest, _ := strings.Cut(name, "@")
	ref, err := registry.Parse(named)
	if err != nil {
		return nil, err
	}
	labels, err := f.registry.Labels(ctx, ref, digest)
	if err != nil {
		return nil, err
	}
	return &found{name: name, source: sourceRegistry, labels: labels}, nil
}
