package bake

import (
	"fmt"
	"os"

	"github.com/dlvgen/dlvgen/variants"
	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
)

// Options are a call as it is written on the command line. Those that
// `docker buildx build` has too mean the same. [NewRequest] reads and checks them.
type Options struct {
	// Variants are what is asked of each debug image.
	Variants []variants.Request

	// What is built. "-" is stdin, and an empty Dockerfile that of the context. Tags are
	// production's.
	Context, Dockerfile, Target                                string
	Tags, Platforms, BuildArgs, Labels, Contexts, Secrets, SSH []string
	Pull                                                       bool

	// Production asks for the production image too: only of a Go module without a
	// Dockerfile, which nothing else builds.
	Production bool

	// A Go module without a Dockerfile. Module says that it has none, whatever there is.
	// Base is the image that the program is put into.
	Module             bool
	Base, GoFlags      string
	Ldflags, BuildTags []string

	// How steps run.
	Network, ShmSize                        string
	AddHosts, Ulimits, Allow, NoCacheFilter []string
	NoCache                                 bool

	// What becomes of it. DryRun exports nothing, and builds what the plan needs. Force writes
	// debug tags whose images are not dlvgen's, never production's. Insecure are registries,
	// HOST[:PORT].
	DryRun, Push, Load, Force             bool
	Outputs, CacheFrom, CacheTo, Insecure []string

	// What is attached to the images. Provenance and SBOM are short for Attests of their
	// type: "true", "false", or its attributes.
	Attests, Annotations []string
	Provenance, SBOM     string

	// Which BuildKit, and how its progress is shown.
	Addr, Builder, Progress string

	// FrontendImage is the frontend image that the tools are taken from. Without one, they
	// are dlvgen's own.
	FrontendImage string
}

// Environment is what a request takes over without an option.
type Environment struct {
	// Lookup is os.LookupEnv, or another.
	Lookup func(name string) (string, bool)

	// List is os.Environ, or another. Without one there are no variables to list.
	List func() []string

	// Docker is Docker's configuration: credentials of registries, and proxies.
	Docker *configfile.ConfigFile
}

// ReadEnvironment is that of this process.
func ReadEnvironment() (Environment, error) {
	docker, err := config.Load("")
	if err != nil {
		return Environment{}, fmt.Errorf("reading Docker's configuration: %w", err)
	}
	return Environment{Lookup: os.LookupEnv, List: os.Environ, Docker: docker}, nil
}

// proxies are the proxy settings of Docker's configuration, as build args.
func (e Environment) proxies() map[string]string {
	proxy := e.Docker.Proxies["default"]
	return map[string]string{
		"HTTP_PROXY":  proxy.HTTPProxy,
		"HTTPS_PROXY": proxy.HTTPSProxy,
		"NO_PROXY":    proxy.NoProxy,
		"FTP_PROXY":   proxy.FTPProxy,
	}
}
