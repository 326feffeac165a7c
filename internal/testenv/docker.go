package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Docker is a Docker Engine: one that runs on the machine already, or a dockerd
// of this process.
type Docker struct {
	// Host is its address, "unix:///tmp/.../docker.sock".
	Host string

	daemons []*process // in the order in which they were started
	bridge  *bridge
	dir     string
}

// StartDocker returns the machine's running Docker Engine, or starts one with
// state, bridge and containerd of its own. Registries on the loopback address may
// be plain HTTP in both. An engine started here publishes ports through its
// userland proxy alone, and leaves the machine's iptables rules and IP
// forwarding as they are: containers reach nothing outside.
func StartDocker(ctx context.Context) (*Docker, error) {
	if host := runningEngine(); host != "" {
		return &Docker{Host: host}, nil
	}
	return StartOwnDocker(ctx, "{}")
}

// StartOwnDocker starts an engine as [StartDocker] does where there is none, with a text for its
// daemon.json.
func StartOwnDocker(ctx context.Context, config string) (*Docker, error) {
	// Short, because of the 108 bytes that a unix socket's path may have.
	dir, err := os.MkdirTemp("", "dlvgen-docker-*")
	if err != nil {
		return nil, fmt.Errorf("starting dockerd: %w", err)
	}
	d := &Docker{Host: "unix://" + filepath.Join(dir, "docker.sock"), dir: dir}
	err = os.Chmod(dir, 0o711) //nolint:gosec // the socket is for its group, as on a real machine
	if err == nil {
		err = d.start(ctx, config)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Docker) start(ctx context.Context, text string) error {
	p, containerd, err := startContainerd(ctx, d.dir)
	if p != nil {
		d.daemons = append(d.daemons, p)
	}
	if err != nil {
		return err
	}
	if d.bridge, err = newBridge(); err != nil {
		return err
	}
	config := filepath.Join(d.dir, "daemon.json") // not the machine's
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return fmt.Errorf("starting dockerd: %w", err)
	}
	p, err = startProcess("dockerd", exec.Command("dockerd",
		"--config-file", config,
		"--host", d.Host,
		"--data-root", filepath.Join(d.dir, "data"),
		"--exec-root", filepath.Join(d.dir, "exec"),
		"--pidfile", filepath.Join(d.dir, "docker.pid"),
		"--containerd", containerd,
		"--bridge", d.bridge.name,
		"--iptables=false", "--ip-forward=false", "--ip-masq=false",
	))
	if err != nil {
		return err
	}
	d.daemons = append(d.daemons, p)
	return p.waitReady(ctx, func(ctx context.Context) error {
		_, err := d.CLI(ctx, "version")
		return err
	})
}

// startContainerd starts a containerd with its state in a folder, and returns its socket.
// Nobody shares a running one, whose containers and images may be another engine's. The
// process is to be stopped even where there is an error, unless it is nil.
func startContainerd(ctx context.Context, dir string) (*process, string, error) {
	socket := filepath.Join(dir, "containerd.sock")
	config := filepath.Join(dir, "containerd.toml")
	text := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\n  address = %q\n",
		filepath.Join(dir, "containerd"), filepath.Join(dir, "containerd-state"), socket)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, "", fmt.Errorf("starting containerd: %w", err)
	}
	p, err := startProcess("containerd", exec.Command("containerd", "--config", config))
	if err != nil {
		return nil, "", err
	}
	return p, socket, p.waitReady(ctx, func(context.Context) error { return dialUnix(socket) })
}

// Close ends the daemons and deletes their state. A running engine that was
// found stays.
func (d *Docker) Close() error {
	if d.dir == "" {
		return nil
	}
	var errs []error
	for i := len(d.daemons) - 1; i >= 0; i-- {
		errs = append(errs, d.daemons[i].stop())
	}
	if d.bridge != nil {
		errs = append(errs, d.bridge.remove())
	}
	// Where the root is not a shared mount, dockerd makes its data folder one, and
	// leaves it mounted.
	if err := unmount(filepath.Join(d.dir, "data")); err != nil {
		errs = append(errs, fmt.Errorf("unmounting the data of dockerd: %w", err))
	}
	return errors.Join(append(errs, os.RemoveAll(d.dir))...)
}

// CLI runs the docker command against the engine and returns its standard output.
func (d *Docker) CLI(ctx context.Context, args ...string) (string, error) {
	return output(ctx, "/", []string{"DOCKER_HOST=" + d.Host, "DOCKER_CONTEXT="}, "docker", args...)
}

// runningEngine is the address of an engine that answers on this machine: at
// DOCKER_HOST, else at the usual socket; "" where none does. One behind another
// transport than a unix socket does not count: it would not reach the loopback address.
func runningEngine() string {
	host := os.Getenv("DOCKER_HOST")
	if host == "" {
		host = "unix:///var/run/docker.sock"
	}
	socket, ok := strings.CutPrefix(host, "unix://")
	if !ok || dialUnix(socket) != nil {
		return ""
	}
	return host
}

func dialUnix(socket string) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	return conn.Close()
}
