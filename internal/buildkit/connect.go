// Package buildkit says where BuildKit is: at an address the user names, or in a
// child buildkitd that dlvgen starts, keeps for the next call and can stop. It also
// shows the progress of several builds in one display.
package buildkit

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/moby/buildkit/client"
	// Each registers an address scheme that buildctl and buildx know as well.
	_ "github.com/moby/buildkit/client/connhelper/dockercontainer"
	_ "github.com/moby/buildkit/client/connhelper/kubepod"
	_ "github.com/moby/buildkit/client/connhelper/nerdctlcontainer"
	_ "github.com/moby/buildkit/client/connhelper/podmancontainer"
	_ "github.com/moby/buildkit/client/connhelper/ssh"
)

// answerTimeout bounds how long an address that the user named may take to answer.
const answerTimeout = 10 * time.Second

// Options say which BuildKit to use. The first that is set wins: Addr, Host, Child.
type Options struct {
	// Addr is the address that the user gave on the command line, such as
	// unix:///run/buildkit/buildkitd.sock, tcp://host:1234 or docker-container://name.
	Addr string

	// Host is the value of BUILDKIT_HOST.
	Host string

	// Notify, where not nil, is told in one line what takes longer than a moment.
	Notify func(line string)

	// limit bounds the wait for an address that the user named: the default is
	// answerTimeout.
	limit time.Duration
}

// Connection is a client of a BuildKit that has answered.
type Connection struct {
	*client.Client
	version string // of BuildKit, empty where it does not say
	release func() // nil where nothing is held
}

// Close closes the client. A child may then be replaced by another call's.
func (c *Connection) Close() error {
	err := c.Client.Close()
	if c.release != nil {
		c.release()
	}
	return err
}

// Connect returns a client of a BuildKit that has answered. The caller closes it.
func Connect(ctx context.Context, opts Options) (*Connection, error) {
	switch {
	case opts.Addr != "":
		return connectNamed(ctx, opts, opts.Addr, "--addr")
	case opts.Host != "":
		return connectNamed(ctx, opts, opts.Host, "BUILDKIT_HOST")
	}
	child, err := NewChild()
	if err != nil {
		return nil, err
	}
	return child.Open(ctx, opts.Notify)
}

func connectNamed(ctx context.Context, opts Options, addr, from string) (*Connection, error) {
	waits := &patience.Patience{Limit: cmp.Or(opts.limit, answerTimeout), Tell: opts.Notify}
	var conn *Connection
	err := waits.Ask(ctx, "BuildKit at "+addr, func(ctx context.Context) (err error) {
		conn, err = dial(ctx, addr)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("no BuildKit answers at %s (from %s): start it, or omit the address to let dlvgen start its own: %w",
			addr, from, err)
	}
	return conn, nil
}

// dial connects and waits for one answer, so that a missing daemon is found here
// and not in the middle of a build. The context bounds both.
func dial(ctx context.Context, addr string) (*Connection, error) {
	c, err := client.New(ctx, addr)
	if err != nil {
		return nil, err
	}
	workers, err := c.ListWorkers(ctx)
	if err == nil && len(workers) == 0 {
		err = fmt.Errorf("it has no worker")
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return &Connection{Client: c, version: workers[0].BuildkitVersion.Version}, nil
}
