package cli

import (
	"context"
	"fmt"
	"net/url"

	engine "github.com/moby/moby/client"
)

// connectEngine connects to the Docker Engine that DOCKER_HOST names, or the local
// one, and waits for an answer.
func connectEngine(ctx context.Context) (*engine.Client, error) {
	c, err := engine.New(engine.FromEnv)
	if err != nil {
		return nil, fmt.Errorf("connecting to Docker Engine: %w", err)
	}
	if _, err := c.Ping(ctx, engine.PingOptions{}); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("no Docker Engine answers at %s: start it, or set DOCKER_HOST: %w", c.DaemonHost(), err)
	}
	return c, nil
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
