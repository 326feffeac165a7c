package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/patience"
	engine "github.com/moby/moby/client"
)

// dockerEngine is a Docker Engine that has answered once.
type dockerEngine struct {
	*engine.Client
	patience *patience.Patience
}

// connectEngine connects to the Docker Engine that DOCKER_HOST names, or the local
// one, and waits for an answer.
func connectEngine(ctx context.Context, p *patience.Patience) (*dockerEngine, error) {
	c, err := engine.New(engine.FromEnv)
	if err != nil {
		return nil, fmt.Errorf("connecting to Docker Engine: %w", err)
	}
	e := &dockerEngine{Client: c, patience: p}
	err = e.ask(ctx, func(ctx context.Context) error {
		_, err := c.Ping(ctx, engine.PingOptions{})
		return err
	})
	if err != nil {
		_ = c.Close()
		return nil, noEngine(c.DaemonHost(), err)
	}
	return e, nil
}

// ask bounds the wait for an answer.
func (e *dockerEngine) ask(ctx context.Context, question func(context.Context) error) error {
	return e.patience.Ask(ctx, "Docker Engine at "+e.DaemonHost(), question)
}

// noEngine says that nothing listens; any other error, such as that of a socket that the
// user may not open, tells more.
func noEngine(host string, err error) error {
	silent := fmt.Errorf("no Docker Engine answers at %s: start it, or set DOCKER_HOST", host)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return silent
	}
	return fmt.Errorf("%w: %w", silent, err)
}

// engineHost is where ports are found that an engine publishes: the loopback address,
// or the host of an engine that is reached over the network.
func engineHost(daemon string) string {
	u, err := url.Parse(daemon)
	if err != nil || u.Scheme == "unix" || u.Scheme == "npipe" || u.Hostname() == "" {
		return loopback
	}
	return u.Hostname()
}

const loopback = "127.0.0.1"
