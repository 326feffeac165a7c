package testenv

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/proctest"
)

// waitDelay is how long a docker command that was given up may hold its outputs open.
const waitDelay = time.Second

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
	c, err := d.Start(proctest.Context(t), args...)
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

// Ended is a container that has come to its end.
type Ended struct {
	Code           int
	Stdout, Stderr string
}

// RunToEnd runs a container in the foreground, feeds its standard input, and
// removes it: args are those of `docker run` from its options on, "--interactive"
// among them where there is input.
func (d *Docker) RunToEnd(ctx context.Context, stdin string, args ...string) (Ended, error) {
	name := "dlvgen-" + strings.ToLower(rand.Text())
	ended, err := d.feed(ctx, stdin, append([]string{"run", "--rm", "--name", name}, args...)...)
	if err != nil { // the command was given up, and its container runs on
		_, removed := d.CLI(context.WithoutCancel(ctx), "rm", "--force", "--volumes", name)
		err = errors.Join(err, removed)
	}
	return ended, err
}

// Pull fetches an image, so that running it prints nothing about it.
func (d *Docker) Pull(ctx context.Context, ref string) error {
	_, err := d.CLI(ctx, "pull", "--quiet", ref)
	return err
}

// feed runs the docker command with a standard input. A failure of the command is
// a code, not an error.
func (d *Docker) feed(ctx context.Context, stdin string, args ...string) (Ended, error) {
	cmd := d.Command(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	ended := Ended{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		err = nil
	}
	if err != nil {
		return ended, fmt.Errorf("docker %s: %w: %s%s", strings.Join(args, " "), err, ended.Stdout, ended.Stderr)
	}
	return ended, nil
}

// Command is the docker command against the engine, to be run with inputs and outputs
// of the caller's own.
func (d *Docker) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+d.Host, "DOCKER_CONTEXT=")
	cmd.WaitDelay = waitDelay
	return cmd
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

// Kill sends a signal, "HUP", to the container's first process.
func (c *Container) Kill(ctx context.Context, signal string) error {
	if _, err := c.engine.CLI(ctx, "kill", "--signal", signal, c.ID); err != nil {
		return fmt.Errorf("signalling a container: %w", err)
	}
	return nil
}

// Process is one of a container's processes.
type Process struct {
	PID   int    // in the machine's PID namespace
	State string // as ps prints it: "Z" is a zombie
	Args  string
}

// Processes are those of the container.
func (c *Container) Processes(ctx context.Context) ([]Process, error) {
	out, err := c.engine.CLI(ctx, "top", c.ID, "-eo", "pid,stat,args")
	if err != nil {
		return nil, fmt.Errorf("listing the processes of a container: %w", err)
	}
	_, rows, _ := strings.Cut(out, "\n")
	var found []Process
	for row := range strings.Lines(rows) {
		fields := strings.Fields(row)
		if len(fields) < 3 {
			return nil, fmt.Errorf("listing the processes of a container: unexpected row %q", row)
		}
		pid, err := strconv.Atoi(fields[0])
		if err != nil {
			return nil, fmt.Errorf("listing the processes of a container: %w", err)
		}
		found = append(found, Process{PID: pid, State: fields[1], Args: strings.Join(fields[2:], " ")})
	}
	return found, nil
}

// Remove ends the container at once and deletes it with its volumes.
func (c *Container) Remove(ctx context.Context) error {
	if _, err := c.engine.CLI(ctx, "rm", "--force", "--volumes", c.ID); err != nil {
		return fmt.Errorf("removing a container: %w", err)
	}
	return nil
}
