package builders

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/docker/buildx/util/confutil"
	"github.com/docker/buildx/util/dockerutil"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/config"
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

// flagsOfDocker are those that the docker command had where it started dlvgen as its plugin.
// Like environment variables they are the process's.
var flagsOfDocker []string

// TakeDockerFlags takes over the flags of the docker command at the head of args, such as
// "--context far", and returns what follows. From then on they count as for docker itself,
// also for the credentials of registries. It comes before everything else.
func TakeDockerFlags(args []string) (rest []string, err error) {
	options, set, err := parseDockerFlags(args)
	if err != nil {
		return nil, fmt.Errorf("reading the flags of the docker command: %w", err)
	}
	flagsOfDocker = args[:len(args)-set.NArg()]
	if set.Changed("config") {
		config.SetDir(options.ConfigDir)
		// Whoever else reads Docker's configuration goes by the variable.
		err = os.Setenv(config.EnvOverrideConfigDir, options.ConfigDir)
	}
	return set.Args(), err
}

// parseDockerFlags reads flags up to the first word that is none.
func parseDockerFlags(args []string) (*flags.ClientOptions, *pflag.FlagSet, error) {
	options, set := flags.NewClientOptions(), pflag.NewFlagSet("docker", pflag.ContinueOnError)
	options.InstallFlags(set)
	set.SetInterspersed(false)
	set.Usage = func() {}
	return options, set, set.Parse(args)
}

// newDocker reads the settings of the docker command: its configuration, its contexts, its
// environment variables and the flags that it had.
func newDocker() (command.Cli, error) {
	registerKubernetes()
	docker, err := command.NewDockerCli(command.WithCombinedStreams(io.Discard))
	if err != nil {
		return nil, fmt.Errorf("reading Docker's settings: %w", err)
	}
	// DOCKER_TLS_VERIFY and DOCKER_CERT_PATH are defaults of flags.
	options, set, err := parseDockerFlags(flagsOfDocker)
	if err != nil {
		return nil, fmt.Errorf("reading the flags of the docker command: %w", err)
	}
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
