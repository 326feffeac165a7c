package builders

import (
	"context"
	"fmt"
	"slices"
	"sync"

	bxbuilder "github.com/docker/buildx/builder"
	"github.com/docker/buildx/driver"
	// Each registers a driver. That of Kubernetes is kubectl.go's: buildx's own links ten
	// megabytes of Kubernetes' client.
	_ "github.com/docker/buildx/driver/cloud"
	_ "github.com/docker/buildx/driver/docker"
	_ "github.com/docker/buildx/driver/docker-container"
	_ "github.com/docker/buildx/driver/remote"
	"github.com/docker/buildx/util/platformutil"
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

// openNode connects to a node, and starts it where it is stopped.
func (s buildx) openNode(ctx context.Context, o Options, node bxbuilder.Node) (*Node, error) {
	if node.Err != nil {
		return nil, fmt.Errorf("node %s: %w", node.Name, node.Err)
	}
	status, err := s.status(ctx, o, node)
	if err != nil {
		return nil, err
	}
	if status != driver.Running && starts(node.Driver) {
		what := "the buildx builder " + s.builder.Name
		if len(s.builder.NodeGroup.Nodes) > 1 {
			what = s.who(node)
		}
		o.Notify(fmt.Sprintf("starting %s (%s)", what, s.builder.Driver))
		if _, err := driver.Boot(ctx, ctx, node.Driver, nil); err != nil {
			return nil, fmt.Errorf("starting node %s: %w", node.Name, err)
		}
	}
	n, err := answering(ctx, o, "node "+node.Name, node.Driver)
	if err != nil {
		return nil, err
	}
	n.Name, n.Who = node.Name, s.who(node)
	return n, nil
}

// who is a node in a sentence.
func (s buildx) who(node bxbuilder.Node) string {
	return fmt.Sprintf("node %s of the buildx builder %s", node.Name, s.builder.Name)
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
func answering(ctx context.Context, o Options, who string, d driver.Driver) (*Node, error) {
	var n *Node
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
		n = &Node{Connection: conn, Who: who, driver: d}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", who, err)
	}
	return n, nil
}

// look asks each node, and starts none.
func (s buildx) look(ctx context.Context) State {
	nodes, err := s.nodes(ctx)
	if err != nil {
		return unusable(err)
	}
	states := make([]NodeState, len(nodes))
	var looking sync.WaitGroup
	for i, node := range nodes {
		looking.Go(func() {
			states[i] = NodeState{Name: node.Name, Endpoint: node.Endpoint, State: s.lookNode(ctx, node)}
			states[i].Declared = platformutil.Format(node.Node.Platforms)
		})
	}
	looking.Wait()
	if len(states) == 1 {
		return states[0].State
	}
	return together(states)
}

// together is the state of a builder with several nodes: what the first of them is that runs,
// else of one that can be started.
func together(nodes []NodeState) State {
	all := State{Status: Unusable, Nodes: nodes}
	for _, node := range nodes {
		switch {
		case node.Status == Running && all.Status != Running:
			all.Status, all.Version, all.Reason = Running, node.Version, ""
		case node.Status == Stopped && all.Status == Unusable:
			all.Status, all.Reason = Stopped, ""
		case all.Status == Unusable && all.Reason == "":
			all.Reason = node.Reason
		}
		all.Platforms = union(all.Platforms, node.Platforms)
		all.Declared = union(all.Declared, node.Declared)
	}
	return all
}

func union(list, more []string) []string {
	for _, one := range more {
		if !slices.Contains(list, one) {
			list = append(list, one)
		}
	}
	return list
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
	n, err := answering(ctx, Options{}, "node "+node.Name, node.Driver)
	if err != nil {
		return unusable(err)
	}
	defer func() { _ = n.Close() }()
	return n.state(ctx)
}
