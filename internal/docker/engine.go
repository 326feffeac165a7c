// Package docker asks Docker Engine for what it has and runs, and gives it images.
package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/moby/moby/client"
)

// Engine is a Docker Engine that has answered once.
type Engine struct {
	*client.Client
	patience *patience.Patience
}

// Connect connects to the Docker Engine that DOCKER_HOST names, or the local
// one, and waits for an answer.
func Connect(ctx context.Context, p *patience.Patience) (*Engine, error) {
	c, err := client.New(client.FromEnv)
	if err != nil {
		return nil, fmt.Errorf("connecting to Docker Engine: %w", err)
	}
	e := &Engine{Client: c, patience: p}
	err = e.ask(ctx, func(ctx context.Context) error {
		_, err := c.Ping(ctx, client.PingOptions{})
		return err
	})
	if err != nil {
		_ = c.Close()
		return nil, noEngine(c.DaemonHost(), err)
	}
	return e, nil
}

// ask bounds the wait for an answer.
func (e *Engine) ask(ctx context.Context, question func(context.Context) error) error {
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
