package builders

import (
	"context"

	"github.com/docker/buildx/driver"

	"github.com/dlvgen/dlvgen/internal/buildkit"
)

// Builder is a BuildKit that has answered.
type Builder struct {
	*buildkit.Connection

	// Engine is the Docker Engine whose own builder this is, nil for a BuildKit of its own.
	Engine *Engine

	// Classic says that images leave the builder through the engine's image store alone:
	// it has no other exporter of images, writes one output for each build, and takes one
	// platform. So it is where the engine does not keep images in containerd.
	Classic bool

	driver  driver.Driver // of buildx, nil without one
	release func()        // nil where nothing is held
}

// Close closes the connections.
func (b *Builder) Close() error {
	err := b.Connection.Close()
	if b.release != nil {
		b.release()
	}
	return err
}

// State is what is seen of a builder without starting it.
type State struct {
	// Status is "running", "stopped" where a build starts it, or "unusable".
	Status string `json:"status"`

	// Reason is why it is unusable.
	Reason string `json:"reason,omitempty"`

	Version   string   `json:"version,omitempty"` // of BuildKit
	Platforms []string `json:"platforms,omitempty"`
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
