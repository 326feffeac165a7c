package builders

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	bxbuilder "github.com/docker/buildx/builder"
	"github.com/docker/buildx/store/storeutil"
	"github.com/docker/cli/cli/command"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Options say which builder is wanted. The first that is set wins: Addr, Host, Name, Env.
type Options struct {
	// Addr is the address that the user gave on the command line, such as
	// unix:///run/buildkit/buildkitd.sock, tcp://host:1234 or docker-container://name.
	Addr string

	// Host is the value of BUILDKIT_HOST.
	Host string

	// Name is the builder of buildx, or the docker context, that the user named on the
	// command line.
	Name string

	// Env is the value of BUILDX_BUILDER.
	Env string

	// Platforms are those of the build: a builder with several nodes shares them out. Empty
	// is the builder's own.
	Platforms []ocispecs.Platform

	// Notify, where not nil, is told in one line what takes longer than a moment.
	Notify func(line string)

	// limit bounds the wait for an answer: the default is answerTimeout.
	limit time.Duration
}

// FromEnvironment adds the environment's variables to what was given on the command line.
func FromEnvironment(addr, name string, notify func(string)) Options {
	return Options{Addr: addr, Host: os.Getenv("BUILDKIT_HOST"), Name: name, Env: os.Getenv("BUILDX_BUILDER"), Notify: notify}
}

// candidates are the builders that may be taken, in order: the one that the user named, or
// the current one of buildx, Docker Engine's, and the child.
func (o Options) candidates() ([]candidate, error) {
	switch {
	case o.Addr != "":
		return []candidate{addressCandidate(o.Addr, "--addr")}, nil
	case o.Host != "" && o.Name == "":
		return []candidate{addressCandidate(o.Host, "BUILDKIT_HOST")}, nil
	}
	docker, err := newDocker()
	if err != nil {
		return nil, err
	}
	switch {
	case o.Name != "":
		return named(docker, o.Name, "--builder")
	case o.Env != "":
		return named(docker, o.Env, "BUILDX_BUILDER")
	}
	return automatic(docker)
}

// named is the builder of a name that the user gave.
func named(docker command.Cli, name, why string) ([]candidate, error) {
	c, err := lookUp(docker, name)
	if child := childCandidate(); err != nil && name == child.Name {
		c, err = child, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s is %q: %w: `dlvgen builders` lists what there is", why, name, err)
	}
	c.Why, c.explicit = why, true
	return []candidate{c}, nil
}

// lookUp finds a builder of buildx, or a docker context, as `docker buildx --builder` does.
// The empty name is the current one.
func lookUp(docker command.Cli, name string) (candidate, error) {
	if !hasStore(docker) {
		return dockerCandidate(docker, name)
	}
	// Nothing of the builder is validated: buildx would refuse other contexts than the current.
	options := []bxbuilder.Option{bxbuilder.WithSkippedValidation()}
	if name != "" {
		options = append(options, bxbuilder.WithName(name))
	}
	b, err := bxbuilder.New(docker, options...)
	switch {
	case err != nil && name == "":
		return candidate{}, err
	case err != nil:
		return candidate{}, errors.New("buildx has no builder, and docker no context, of that name")
	case b.DockerContext:
		return dockerCandidate(docker, b.Name)
	}
	return buildxCandidate(docker, b), nil
}

// automatic are the builders that are looked at where the user names none.
func automatic(docker command.Cli) ([]candidate, error) {
	var list []candidate
	if hasStore(docker) {
		current, err := lookUp(docker, "")
		switch {
		case err != nil:
			list = append(list, broken("buildx", "buildx", fmt.Errorf("reading buildx's builders: %w", err)))
		case current.Driver != driverDocker:
			list = append(list, current)
		}
		if len(list) > 0 {
			list[0].Why = "current builder of buildx"
		}
	}
	own, err := dockerCandidate(docker, "")
	if err != nil {
		own = broken(docker.CurrentContext(), driverDocker, err)
	}
	own.Why = "current docker context"
	child := childCandidate()
	child.Why = "started by dlvgen where there is no other"
	return append(list, own, child), nil
}

// all are the builders beside the candidates: what --builder could name.
func all(docker command.Cli) ([]candidate, error) {
	var list []candidate
	seen := map[string]bool{}
	if hasStore(docker) {
		txn, release, err := storeutil.GetStore(docker)
		if err != nil {
			return nil, fmt.Errorf("reading buildx's builders: %w", err)
		}
		groups, err := txn.List()
		release()
		if err != nil {
			return nil, fmt.Errorf("reading buildx's builders: %w", err)
		}
		for _, group := range groups {
			c, err := lookUp(docker, group.Name)
			if err != nil {
				c = broken(group.Name, group.Driver, err)
			}
			list = append(list, c)
			seen[group.Name] = true
		}
	}
	contexts, err := docker.ContextStore().List()
	if err != nil {
		return nil, fmt.Errorf("reading the docker contexts: %w", err)
	}
	for _, one := range contexts {
		if seen[one.Name] {
			continue
		}
		c, err := dockerCandidate(docker, one.Name)
		if err != nil {
			c = broken(one.Name, driverDocker, err)
		}
		list = append(list, c)
	}
	return list, nil
}

// broken stands for a builder whose settings cannot be read.
func broken(name, driver string, err error) candidate {
	return candidate{Info: Info{Name: name, Driver: driver}, source: brokenSource{err}}
}

type brokenSource struct{ err error }

func (s brokenSource) open(context.Context, Options) (*Builder, error) { return nil, s.err }
func (s brokenSource) look(context.Context) State                      { return unusable(s.err) }
