// Package buildkit connects to BuildKit: at an address, or in a child buildkitd that
// dlvgen starts, keeps for the next call and can stop. It also shows the progress of
// several builds in one display. Which BuildKit it is to be, its package builders says.
package buildkit

import (
	"context"
	"fmt"
	"time"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/docker/buildx/util/platformutil"
	"github.com/moby/buildkit/client"
	// Each registers an address scheme that buildctl and buildx know as well.
	_ "github.com/moby/buildkit/client/connhelper/dockercontainer"
	_ "github.com/moby/buildkit/client/connhelper/kubepod"
	_ "github.com/moby/buildkit/client/connhelper/nerdctlcontainer"
	_ "github.com/moby/buildkit/client/connhelper/podmancontainer"
	_ "github.com/moby/buildkit/client/connhelper/ssh"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// answerTimeout bounds how long a child that runs may take to answer.
const answerTimeout = 10 * time.Second

// Connection is a client of a BuildKit that has answered.
type Connection struct {
	*client.Client
	version   string // of BuildKit, empty where it does not say
	platforms []ocispecs.Platform
	release   func() // nil where nothing is held
}

// Version is that of BuildKit, empty where it does not say.
func (c *Connection) Version() string { return c.version }

// Platforms are those that BuildKit said it can build for. The first is its own.
func (c *Connection) Platforms() []ocispecs.Platform { return c.platforms }

// Close closes the client. A child may then be replaced by another call's.
func (c *Connection) Close() error {
	err := c.Client.Close()
	if c.release != nil {
		c.release()
	}
	return err
}

// Connect returns a client of the BuildKit at an address that the user named, when it has
// answered. from says where the address was named. The caller closes it.
func Connect(ctx context.Context, addr, from string, waits *patience.Patience) (*Connection, error) {
	var conn *Connection
	err := waits.Ask(ctx, "BuildKit at "+addr, func(ctx context.Context) (err error) {
		conn, err = dial(ctx, addr)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("no BuildKit answers at %s (from %s): start it, or omit the address to let dlvgen find a builder: %w",
			addr, from, err)
	}
	return conn, nil
}

// dial connects and waits for one answer. The context bounds both.
func dial(ctx context.Context, addr string) (*Connection, error) {
	c, err := client.New(ctx, addr)
	if err != nil {
		return nil, err
	}
	return Answered(ctx, c)
}

// Answered waits for one answer to a client, so that a missing daemon is found here and not
// in the middle of a build. It closes the client where there is none.
func Answered(ctx context.Context, c *client.Client) (*Connection, error) {
	workers, err := c.ListWorkers(ctx)
	if err == nil && len(workers) == 0 {
		err = fmt.Errorf("it has no worker")
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	conn := &Connection{Client: c, version: workers[0].BuildkitVersion.Version}
	for _, w := range workers {
		conn.platforms = append(conn.platforms, w.Platforms...)
	}
	conn.platforms = platformutil.Dedupe(conn.platforms)
	return conn, nil
}
