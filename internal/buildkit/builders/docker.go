package builders

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/docker/buildx/util/confutil"
	"github.com/docker/buildx/util/dockerutil"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/flags"
	engine "github.com/moby/moby/client"
	"github.com/spf13/pflag"
)

// Engine is the API of a Docker Engine.
type Engine struct {
	engine.APIClient

	// Context is the name of its docker context: "default" for DOCKER_HOST and the local one.
	Context string

	host string
}

// DaemonHost is the engine's address as the context has it, "ssh://" included, for which the
// client itself has a name that nobody knows.
func (e *Engine) DaemonHost() string { return e.host }

// NewEngine returns the Docker Engine that the docker command would use: that of DOCKER_HOST,
// of DOCKER_CONTEXT, of the current context, or the local one. Nothing is sent to it.
func NewEngine() (*Engine, error) {
	docker, err := newDocker()
	if err != nil {
		return nil, err
	}
	return newEngine(docker, docker.CurrentContext())
}

// newDocker reads the settings of the docker command: its configuration, its contexts and
// its environment variables.
func newDocker() (command.Cli, error) {
	registerKubernetes()
	docker, err := command.NewDockerCli(command.WithCombinedStreams(io.Discard))
	if err != nil {
		return nil, fmt.Errorf("reading Docker's settings: %w", err)
	}
	// DOCKER_TLS_VERIFY and DOCKER_CERT_PATH are defaults of flags.
	options, set := flags.NewClientOptions(), pflag.NewFlagSet("docker", pflag.ContinueOnError)
	options.InstallFlags(set)
	options.SetDefaultOptions(set)
	if err := docker.Initialize(options); err != nil {
		return nil, fmt.Errorf("reading Docker's settings: %w", err)
	}
	return docker, nil
}

// newEngine returns the engine of a context, which must exist.
func newEngine(docker command.Cli, name string) (*Engine, error) {
	if _, err := docker.ContextStore().GetMetadata(name); err != nil {
		return nil, fmt.Errorf("reading the docker context %s: %w", name, err)
	}
	endpoint, err := dockerutil.GetDockerEndpoint(docker, name)
	if err != nil {
		return nil, fmt.Errorf("reading the docker context %s: %w", name, err)
	}
	api, err := dockerutil.NewClientAPI(docker, name)
	if err != nil {
		return nil, fmt.Errorf("reading the docker context %s: %w", name, err)
	}
	e := &Engine{APIClient: api, Context: name, host: api.DaemonHost()}
	if endpoint != nil && endpoint.Host != "" {
		e.host = endpoint.Host
	}
	return e, nil
}

// hasStore tells whether buildx has ever stored a builder. Its package would create the
// folders otherwise.
func hasStore(docker command.Cli) bool {
	_, err := os.Stat(filepath.Join(confutil.NewConfig(docker).Dir(), "instances"))
	return err == nil
}
