package builders

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/docker/buildx/driver"
	"github.com/docker/buildx/util/platformutil"
	"github.com/docker/cli/cli/command"
	engine "github.com/moby/moby/client"
	"golang.org/x/mod/semver"
)

// minAPI is the version of the API that Docker Engine 20.10 has.
const minAPI = "1.41"

// dockerBuilder is the builder that is part of a Docker Engine.
type dockerBuilder struct {
	docker command.Cli
	engine *Engine
}

// dockerCandidate is the builder of a docker context; the empty name is the current one.
func dockerCandidate(docker command.Cli, name string) (candidate, error) {
	if name == "" {
		name = docker.CurrentContext()
	}
	e, err := newEngine(docker, name)
	if err != nil {
		return candidate{}, err
	}
	return candidate{
		Info:   Info{Name: name, Driver: driverDocker, Endpoint: e.DaemonHost()},
		source: dockerBuilder{docker, e},
	}, nil
}

func (s dockerBuilder) open(ctx context.Context, o Options) (*Builder, error) {
	who := "Docker Engine at " + s.engine.DaemonHost()
	d, err := s.driver(ctx, o, who)
	if err != nil {
		return nil, err
	}
	node, err := answering(ctx, o, who, d)
	if err != nil {
		return nil, err
	}
	features, err := d.Features(ctx)
	if err != nil {
		_ = node.Close()
		return nil, fmt.Errorf("%s: %w", who, err)
	}
	node.Builds = o.Platforms
	return &Builder{
		Nodes: []*Node{node}, Engine: s.engine, Classic: !features[driver.OCIExporter],
		release: func() { _ = s.engine.Close() },
	}, nil
}

// driver waits for the engine's answer, and returns buildx's driver of its builder.
func (s dockerBuilder) driver(ctx context.Context, o Options, who string) (driver.Driver, error) {
	var answer engine.PingResult
	err := o.waits().Ask(ctx, who, func(ctx context.Context) (err error) {
		answer, err = s.engine.Ping(ctx, engine.PingOptions{NegotiateAPIVersion: true})
		return err
	})
	var system syscall.Errno // says as much as all that the client puts around it
	switch {
	case errors.As(err, &system) && errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("this user may not use %s: %w: add the user to the group docker", who, system)
	case errors.As(err, &system):
		return nil, fmt.Errorf("%s does not answer: %w", who, system)
	case err != nil:
		return nil, fmt.Errorf("%s does not answer: %w", who, err)
	case answer.OSType == "windows":
		return nil, fmt.Errorf("%s runs Windows containers: switch it to Linux containers", who)
	case semver.Compare("v"+answer.APIVersion, "v"+minAPI) < 0:
		return nil, fmt.Errorf("%s has API version %s: its builder can be used from Docker Engine 20.10 on (API version %s)", who, answer.APIVersion, minAPI)
	}
	factory, err := driver.GetFactory(driverDocker, false)
	if err != nil {
		return nil, err
	}
	return factory.New(ctx, driver.InitConfig{
		Name: s.engine.Context, EndpointAddr: s.engine.Context, DockerAPI: s.engine, ContextStore: s.docker.ContextStore(),
	})
}

func (s dockerBuilder) look(ctx context.Context) State {
	b, err := s.open(ctx, Options{})
	if err != nil {
		return unusable(err)
	}
	defer func() { _ = b.Close() }()
	return b.Nodes[0].state(ctx)
}

// state describes a BuildKit that has answered. An old one does not tell its version, which
// its driver may find out.
func (n *Node) state(ctx context.Context) State {
	state := State{Status: Running, Version: n.Version(), Platforms: platformutil.Format(n.Platforms())}
	if state.Version == "" && n.driver != nil {
		state.Version, _ = n.driver.Version(ctx)
	}
	return state
}
