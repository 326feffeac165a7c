package cli

import (
	"context"

	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/variants"
)

const loopback = docker.Loopback

// container is a running container of Docker Engine.
type container struct {
	*docker.Reach
	name string

	// pid is the program's in the container, for an attach image.
	pid int
}

// runningContainer returns a container by name or id, nil where there is none.
func runningContainer(ctx context.Context, e *docker.Engine, name string) (*found, error) {
	answer, has, err := e.Container(ctx, name)
	if err != nil || !has {
		return nil, err
	}
	seen := answer.Container
	reach, err := e.ReachOf(answer)
	if err != nil {
		return nil, err
	}
	one := &container{Reach: reach, name: docker.NameOf(answer), pid: docker.FirstPID}
	got := &found{name: one.name, source: sourceContainer, container: one}
	if seen.Config != nil {
		got.labels = seen.Config.Labels
	}
	if labels, err := variants.ParseLabels(got.labels); err == nil && e.Local() && labels.Kind == variants.KindAttach {
		one.pid = e.ProgramPID(ctx, seen.ID, labels.Program)
	}
	return got, nil
}
