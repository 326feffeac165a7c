package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/moby/buildkit/client"
)

// StateEnv names a folder in which daemons keep their state between test
// binaries, so that base images are unpacked once in a run of all tests. Where
// it is unset, state is thrown away with the daemon.
const StateEnv = "DLVGEN_TESTENV_STATE"

// mirroredRegistries resolve to the local registry in a BuildKit of this package.
var mirroredRegistries = []string{"docker.io", "gcr.io", "cgr.dev"}

// BuildKitOptions says how a buildkitd is started. The zero value is an empty
// daemon without mirrors.
type BuildKitOptions struct {
	// Registry serves what Dockerfiles name without a host, gcr.io and cgr.dev; nil means none.
	Registry *Registry

	// StateDir keeps the daemon's state; empty means a new folder, deleted by Close.
	StateDir string

	// Containerd has it use a containerd of its own, in whose store it names images.
	Containerd bool

	// Large lets it use more memory for less work: an eighth of its time is collecting garbage.
	Large bool
}

// BuildKit is a child buildkitd.
type BuildKit struct {
	// Addr is its address, "unix:///tmp/.../buildkitd.sock".
	Addr string

	// Containerd is the socket of its containerd, "" where it has none.
	Containerd string

	process    *process
	containerd *process // nil where it has none
	dir        string
}

// StartBuildKit starts a buildkitd and waits until it answers. RUN steps use
// the machine's own network.
func StartBuildKit(ctx context.Context, options BuildKitOptions) (_ *BuildKit, err error) {
	program, err := Program(ctx, "buildkitd")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "dlvgen-buildkit-*")
	if err != nil {
		return nil, fmt.Errorf("starting buildkitd: %w", err)
	}
	b := &BuildKit{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	if options.Containerd {
		if b.containerd, b.Containerd, err = startContainerd(ctx, dir); err != nil {
			return nil, err
		}
	}
	state := options.StateDir
	if state == "" {
		state = filepath.Join(dir, "state")
	}
	config := filepath.Join(dir, "buildkitd.toml")
	socket := filepath.Join(dir, "buildkitd.sock")
	if err := os.WriteFile(config, []byte(buildKitConfig(state, socket, b.Containerd, options.Registry)), 0o600); err != nil {
		return nil, fmt.Errorf("starting buildkitd: %w", err)
	}
	cmd := exec.Command(program, "--config", config)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir) // it leaves mount points behind
	if options.Large {
		cmd.Env = append(cmd.Env, "GOGC=400")
	}
	b.Addr = "unix://" + socket
	if b.process, err = startProcess("buildkitd", cmd); err != nil {
		return nil, err
	}
	return b, b.process.waitReady(ctx, b.ping)
}

// buildKitConfig is the daemon's configuration (docs/buildkitd.toml.md in
// moby/buildkit).
func buildKitConfig(state, socket, containerd string, registry *Registry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "root = %q\n[grpc]\n  address = [%q]\n", state, "unix://"+socket)
	used, unused := "oci", "containerd"
	if containerd != "" {
		used, unused = unused, used
	}
	fmt.Fprintf(&b, "[worker.%s]\n  enabled = false\n", unused)
	fmt.Fprintf(&b, "[worker.%s]\n  enabled = true\n  networkMode = \"host\"\n  gc = false\n", used)
	if containerd != "" {
		fmt.Fprintf(&b, "  address = %q\n", containerd)
	}
	if registry != nil {
		for _, host := range mirroredRegistries {
			fmt.Fprintf(&b, "[registry.%q]\n  mirrors = [%q]\n", host, registry.Host)
		}
		fmt.Fprintf(&b, "[registry.%q]\n  http = true\n  insecure = true\n", registry.Host)
	}
	return b.String()
}

func (b *BuildKit) ping(ctx context.Context) error {
	c, err := b.Client(ctx)
	if err != nil {
		return err
	}
	_, err = c.ListWorkers(ctx)
	return errors.Join(err, c.Close())
}

// Client connects to the daemon. The caller closes it.
func (b *BuildKit) Client(ctx context.Context) (*client.Client, error) {
	c, err := client.New(ctx, b.Addr)
	if err != nil {
		return nil, fmt.Errorf("connecting to buildkitd: %w", err)
	}
	return c, nil
}

// ProcessorTime is what the daemon has taken so far, and every step that has ended.
func (b *BuildKit) ProcessorTime() (time.Duration, error) {
	return processorTime(b.process.cmd.Process.Pid)
}

// Log is the end of what the daemon printed.
func (b *BuildKit) Log() string { return b.process.log.String() }

// Close ends the daemon and deletes its state, unless that was given to it.
func (b *BuildKit) Close() error {
	var errs []error
	for _, p := range []*process{b.process, b.containerd} {
		if p != nil {
			errs = append(errs, p.stop())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(b.dir))...)
}

// State is a folder for a buildkitd that the test starts and ends by itself: one that StateEnv
// keeps for later ones, or a new one.
func State(t testing.TB) string {
	t.Helper()
	dir, release, err := claimState()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	if dir == "" {
		dir = t.TempDir()
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// claimState locks a free folder below the one that StateEnv names. The folder
// is "" where StateEnv is unset. Packages are tested in parallel, and a daemon's
// state serves one daemon.
func claimState() (dir string, release func(), err error) {
	base := os.Getenv(StateEnv)
	if base == "" {
		return "", func() {}, nil
	}
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", nil, fmt.Errorf("claiming state for buildkitd: %w", err)
	}
	for n := 0; ; n++ {
		dir := filepath.Join(base, fmt.Sprintf("buildkit-%d", n))
		lock := flock.New(dir + ".lock")
		ok, err := lock.TryLock()
		if err != nil {
			return "", nil, fmt.Errorf("claiming state for buildkitd: %w", err)
		}
		if ok {
			return dir, func() { _ = lock.Unlock() }, nil
		}
	}
}
