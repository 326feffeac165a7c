package builders

import (
	"context"
	"errors"
	"fmt"
	"slices"

	bxbuilder "github.com/docker/buildx/builder"
	"github.com/docker/buildx/driver"
	// Each registers a driver. That of Kubernetes is kubectl.go's: buildx's own links ten
	// megabytes of Kubernetes' client.
	_ "github.com/docker/buildx/driver/cloud"
	_ "github.com/docker/buildx/driver/docker"
	_ "github.com/docker/buildx/driver/docker-container"
	_ "github.com/docker/buildx/driver/remote"
	"github.com/docker/cli/cli/command"

	"github.com/dlvgen/dlvgen/internal/buildkit"
)

// buildx is a builder of buildx's store.
type buildx struct {
	docker  command.Cli
	builder *bxbuilder.Builder
}

func buildxCandidate(docker command.Cli, b *bxbuilder.Builder) candidate {
	c := candidate{Info: Info{Name: b.Name, Driver: b.Driver}, source: buildx{docker, b}}
	for i, node := range b.NodeGroup.Nodes {
		if i > 0 {
			c.Endpoint += ","
		}
		c.Endpoint += node.Endpoint
	}
	return c
}

// open takes the first node that answers, and starts it where it is stopped.
func (s buildx) open(ctx context.Context, o Options) (*Builder, error) {
	nodes, err := s.nodes(ctx)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, node := range nodes {
		b, err := s.openNode(ctx, o, node)
		if err == nil {
			return b, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("no node of the buildx builder %s (%s) answers: %w: see `docker buildx inspect %s`",
		s.builder.Name, s.builder.Driver, errors.Join(errs...), s.builder.Name)
}

// nodes are the builder's, with their drivers. Nothing is sent to them.
func (s buildx) nodes(ctx context.Context) ([]bxbuilder.Node, error) {
	// buildx ends the process where the current context cannot be read.
	if _, err := newEngine(s.docker, s.docker.CurrentContext()); err != nil {
		return nil, err
	}
	nodes, err := s.builder.LoadNodes(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the buildx builder %s: %w", s.builder.Name, err)
	}
	if len(nodes) == 0 {
		return nil, fmt.Errorf("the buildx builder %s has no node: add one with `docker buildx create --append --name %[1]s`", s.builder.Name)
	}
	return slices.Clone(nodes), nil
}

func (s buildx) openNode(ctx context.Context, o Options, node bxbuilder.Node) (*Builder, error) {
	if node.Err != nil {
		return nil, fmt.Errorf("node %s: %w", node.Name, node.Err)
	}
	status, err := s.status(ctx, o, node)
	if err != nil {
		return nil, err
	}
	if status != driver.Running && starts(node.Driver) {
		o.Notify(fmt.Sprintf("starting the buildx builder %s (%s)", s.builder.Name, s.builder.Driver))
		if _, err := driver.Boot(ctx, ctx, node.Driver, nil); err != nil {
			return nil, fmt.Errorf("starting node %s: %w", node.Name, err)
		}
	}
	return answering(ctx, o, "node "+node.Name, node.Driver)
}

// starts tells whether a driver can start its node.
func starts(d *driver.DriverHandle) bool {
	switch d.Factory().Name() {
	case "remote", driverDocker:
		return false
	}
	return true
}

func (s buildx) status(ctx context.Context, o Options, node bxbuilder.Node) (driver.Status, error) {
	if !starts(node.Driver) {
		return driver.Running, nil // it answers, or it does not
	}
	var info *driver.Info
	err := o.waits().Ask(ctx, "node "+node.Name, func(ctx context.Context) (err error) {
		info, err = node.Driver.Info(ctx)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("node %s: %w", node.Name, err)
	}
	return info.Status, nil
}

// answering connects by a driver, and waits for one answer.
func answering(ctx context.Context, o Options, who string, d driver.Driver) (*Builder, error) {
	var b *Builder
	err := o.waits().Ask(ctx, who, func(asked context.Context) error {
		// Connections are made anew with the client's context: it is the caller's.
		c, err := d.Client(ctx)
		if err != nil {
			return err
		}
		conn, err := buildkit.Answered(asked, c)
		if err != nil {
			return err
		}
		b = &Builder{Connection: conn, driver: d}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", who, err)
	}
	return b, nil
}

// look asks each node, and starts none.
func (s buildx) look(ctx context.Context) State {
	nodes, err := s.nodes(ctx)
	if err != nil {
		return unusable(err)
	}
	best := State{Status: Unusable}
	for _, node := range nodes {
		state := s.lookNode(ctx, node)
		switch {
		case state.Status == Running:
			return state
		case best.Reason == "" && best.Status == Unusable, state.Status == Stopped:
			best = state
		}
	}
	return best
}

func (s buildx) lookNode(ctx context.Context, node bxbuilder.Node) State {
	if node.Err != nil {
		return unusable(node.Err)
	}
	status, err := s.status(ctx, Options{}, node)
	switch {
	case err != nil:
		return unusable(err)
	case status != driver.Running:
		return State{Status: Stopped}
	}
	b, err := answering(ctx, Options{}, "node "+node.Name, node.Driver)
	if err != nil {
		return unusable(err)
	}
	defer func() { _ = b.Close() }()
	return b.state(ctx)
}
