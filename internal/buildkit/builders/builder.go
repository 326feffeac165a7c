package builders

import (
	"context"
	"errors"

	"github.com/docker/buildx/driver"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/dlvgen/dlvgen/internal/buildkit"
)

// Builder is a BuildKit that has answered, or several that build for different platforms.
type Builder struct {
	// Nodes are the BuildKits: more than one where those of a builder of buildx share the
	// platforms that were asked for.
	Nodes []*Node

	// Engine is the Docker Engine whose own builder this is, nil for a BuildKit of its own.
	Engine *Engine

	// Classic says that images leave the builder through the engine's image store alone:
	// it has no other exporter of images, writes one output for each build, and takes one
	// platform. So it is where the engine does not keep images in containerd.
	Classic bool

	release func() // nil where nothing is held
}

// Node is one BuildKit of a builder.
type Node struct {
	*buildkit.Connection

	// Name is that in buildx, empty for a BuildKit that has none.
	Name string

	// Who is the node in a sentence.
	Who string

	// Builds are the platforms of the build that are this node's: empty for its own.
	Builds []ocispecs.Platform

	driver driver.Driver // of buildx, nil without one
}

// Close closes the connections.
func (b *Builder) Close() error {
	err := closeNodes(b.Nodes)
	if b.release != nil {
		b.release()
	}
	return err
}

func closeNodes(nodes []*Node) error {
	var errs []error
	for _, n := range nodes {
		if n != nil {
			errs = append(errs, n.Close())
		}
	}
	return errors.Join(errs...)
}

// single is a builder that is one BuildKit: it builds for all platforms.
func single(conn *buildkit.Connection, who string, platforms []ocispecs.Platform) *Builder {
	return &Builder{Nodes: []*Node{{Connection: conn, Who: who, Builds: platforms}}}
}

// State is what is seen of a builder without starting it.
type State struct {
	// Status is "running", "stopped" where a build starts it, or "unusable".
	Status string `json:"status"`

	// Reason is why it is unusable.
	Reason string `json:"reason,omitempty"`

	Version   string   `json:"version,omitempty"` // of BuildKit
	Platforms []string `json:"platforms,omitempty"`

	// Declared are the platforms that buildx has stored for the builder.
	Declared []string `json:"declaredPlatforms,omitempty"`

	// Nodes are the builder's, where it has several.
	Nodes []NodeState `json:"nodes,omitempty"`
}

// NodeState is what is seen of one of several nodes.
type NodeState struct {
	Name     string `json:"name"`
	Endpoint string `json:"endpoint,omitempty"`
	State
}

// The values of Status.
const (
	Running  = "running"
	Stopped  = "stopped"
	Unusable = "unusable"
)

func unusable(err error) State { return State{Status: Unusable, Reason: err.Error()} }

// candidate is a builder that may be taken.
type candidate struct {
	Info
	source
}

// source opens and looks at a builder.
type source interface {
	open(ctx context.Context, o Options) (*Builder, error)
	look(ctx context.Context) State
}

// Info describes a builder.
type Info struct {
	// Name is that of buildx, of a docker context, or an address.
	Name string `json:"name"`

	// Driver is buildx's word, "address", or "child".
	Driver string `json:"driver"`

	// Endpoint is where the builder is, as its settings say.
	Endpoint string `json:"endpoint,omitempty"`

	// Why is what chooses it, empty where nothing does.
	Why string `json:"why,omitempty"`

	// explicit builders are named by the user: no other is taken in their place.
	explicit bool
}

// The drivers that are not buildx's.
const (
	driverAddress = "address"
	driverChild   = "child"
	driverDocker  = "docker"
)
