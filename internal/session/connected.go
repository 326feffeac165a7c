package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/dlvgen/dlvgen/internal/delverpc"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/variants"
)

// connected is the debugger that a container has already.
type connected struct {
	container *Container
	image     Image
	port      int
	at        Endpoint
	before    stand
	began     bool
}

func newConnected(c *Container, o Options) (Debugger, error) {
	image := Image{Ref: c.production.Name, Labels: c.Labels(), Local: true}
	_, port, err := variants.SplitAddress(image.Labels.Listen)
	if err != nil {
		return nil, fmt.Errorf("the image of %s: %w", c.Name(), err)
	}
	switch {
	case o.Port != 0:
		return nil, fmt.Errorf("--port is for a debugger that is started, and %s has its own: leave --port out", c.Name())
	case o.Process != "":
		return nil, fmt.Errorf("the debugger of %s has its process already: leave --pid and --program out", c.Name())
	}
	return &connected{container: c, image: image, port: port}, nil
}

// Steps implements [Debugger].
func (c *connected) Steps() []Step { return nil }

// Start implements [Debugger].
func (c *connected) Start(ctx context.Context) (Endpoint, error) {
	reach, err := c.container.engine.ReachOf(c.container.seen)
	if err != nil {
		return Endpoint{}, err
	}
	if c.at.Host, c.at.Port, _, err = reach.Address(c.port); err != nil {
		return Endpoint{}, fmt.Errorf("the container %s does not publish the port of its debugger: run it with -p 127.0.0.1:%d:%[2]d", c.container.Name(), c.port)
	}
	// A program that is to run at once has begun to by now, but for the first moments.
	now, err := delverpc.AwaitServing(ctx, c.at.Address(), c.startsByItself())
	if err != nil {
		if ended := c.container.endedWith(ctx); ended != "" {
			return c.at, &EndedError{Reason: ended}
		}
		return c.at, fmt.Errorf("the debugger of %s at %s: %w", c.container.Name(), c.at.Address(), err)
	}
	c.at.Stopped = !now.Running
	c.before, c.began = look(ctx, c.at.Address(), now), true
	return c.at, nil
}

// startsByItself says that the program runs without a client.
func (c *connected) startsByItself() bool {
	if c.image.Labels.Kind == variants.KindSidecar {
		return true
	}
	start := c.image.Labels.Start
	if config := c.container.seen.Container.Config; config != nil {
		if value, ok := variable(config.Env, startVariable); ok {
			start = variants.Start(value)
		}
	}
	return start == variants.StartContinue
}

// Ended implements [Debugger].
func (c *connected) Ended(ctx context.Context) error {
	_, err := c.container.engine.Ended(ctx, c.container.id())
	if err != nil || ctx.Err() != nil {
		return err
	}
	c.began = false
	return &EndedError{Reason: c.container.endedWith(ctx)}
}

// Prompt implements [Debugger].
func (c *connected) Prompt(ctx context.Context, streams docker.Command) error {
	return promptIn(ctx, c.container.engine, c.container.id(), c.port, streams)
}

// End implements [Debugger]: it leaves the program as it was found, or running.
func (c *connected) End(ctx context.Context) error {
	if !c.began {
		return nil
	}
	if err := c.before.release(ctx, c.at.Address()); err != nil && c.container.endedWith(ctx) == "" {
		return errors.Join(fmt.Errorf("letting the program of %s go on", c.container.Name()), err)
	}
	return nil
}
