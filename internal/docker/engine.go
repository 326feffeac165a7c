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
	client.APIClient
	patience *patience.Patience
}

// Of is an engine that has answered to somebody else.
func Of(c client.APIClient, p *patience.Patience) *Engine { return &Engine{APIClient: c, patience: p} }

// Connect waits for the answer of an engine. It closes the client where there is none.
func Connect(ctx context.Context, c client.APIClient, p *patience.Patience) (*Engine, error) {
	e := Of(c, p)
	err := e.ask(ctx, func(ctx context.Context) error {
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
	silent := fmt.Errorf("no Docker Engine answers at %s: start it, or set DOCKER_HOST or another docker context", host)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return silent
	}
	return fmt.Errorf("%w: %w", silent, err)
}
