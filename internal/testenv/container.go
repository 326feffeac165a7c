package testenv

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// Container is a container of a Docker Engine.
type Container struct {
	ID string

	engine *Docker
}

// Run starts a container in the background: args are those of `docker run` from
// its options on. Publish ports as "127.0.0.1::8000" and ask Addr for the rest.
// The container is removed when the test ends.
func (d *Docker) Run(t testing.TB, args ...string) *Container {
	t.Helper()
	c, err := d.Start(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			out, err := c.Logs(context.Background())
			t.Logf("the container printed (%v):\n%s", err, out)
		}
		if err := c.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// Start is Run outside of tests: the caller removes the container.
func (d *Docker) Start(ctx context.Context, args ...string) (*Container, error) {
	out, err := d.CLI(ctx, append([]string{"run", "--detach"}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("running a container: %w", err)
	}
	return &Container{ID: strings.TrimSpace(out), engine: d}, nil
}

// Addr is the address, "127.0.0.1:43210", at which a port of the container was
// published.
func (c *Container) Addr(ctx context.Context, port int) (string, error) {
	out, err := c.engine.CLI(ctx, "port", c.ID, strconv.Itoa(port)+"/tcp")
	if err != nil {
		return "", fmt.Errorf("finding port %d: %w", port, err)
	}
	addr, _, _ := strings.Cut(strings.TrimSpace(out), "\n")
	return addr, nil
}

// Logs is what the container printed to both of its outputs.
func (c *Container) Logs(ctx context.Context) (string, error) {
	return output(ctx, "/", []string{"DOCKER_HOST=" + c.engine.Host}, "sh", "-c", `exec docker logs "$0" 2>&1`, c.ID)
}

// Stop is `docker stop` with a grace of 20 seconds. It returns the exit code.
func (c *Container) Stop(ctx context.Context) (int, error) {
	if _, err := c.engine.CLI(ctx, "stop", "--time", "20", c.ID); err != nil {
		return 0, fmt.Errorf("stopping a container: %w", err)
	}
	return c.Wait(ctx)
}

// Wait returns the exit code when the container has ended.
func (c *Container) Wait(ctx context.Context) (int, error) {
	out, err := c.engine.CLI(ctx, "wait", c.ID)
	if err != nil {
		return 0, fmt.Errorf("waiting for a container: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(out))
}

// Exec runs a command in the container and returns its standard output.
func (c *Container) Exec(ctx context.Context, command ...string) (string, error) {
	return c.engine.CLI(ctx, append([]string{"exec", c.ID}, command...)...)
}

// Remove ends the container at once and deletes it with its volumes.
func (c *Container) Remove(ctx context.Context) error {
	if _, err := c.engine.CLI(ctx, "rm", "--force", "--volumes", c.ID); err != nil {
		return fmt.Errorf("removing a container: %w", err)
	}
	return nil
}
