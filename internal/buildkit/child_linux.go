package buildkit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/moby/buildkit/client"
)

// Ensure leaves a child running that answers: the one there is, or a new one. A
// child that another binary or configuration started is replaced, unless it builds.
func (c *Child) Ensure(ctx context.Context, notify func(string)) error {
	unlock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()

	rec, err := c.read()
	if err != nil {
		return err
	}
	proc, err := openProcess(rec.PID, c.marker())
	if err != nil {
		return err
	}
	next, config, planErr := c.plan()
	if proc != nil {
		defer proc.close()
		// What runs is good enough where its successor can't be had.
		if planErr != nil || rec.equal(next) || c.busy(ctx) {
			return nil
		}
		if err := proc.stop(ctx, stopTimeout); err != nil {
			return fmt.Errorf("replacing the BuildKit of another dlvgen: %w", err)
		}
	}
	if planErr != nil {
		return planErr
	}
	if notify != nil {
		notify(fmt.Sprintf("starting BuildKit (%s); it stays for the next call, `dlvgen buildkit stop` ends it", next.Binary))
	}
	return c.start(ctx, next, config)
}

// plan finds what a child would be started from now, and its configuration.
func (c *Child) plan() (launch, []byte, error) {
	if uid := os.Geteuid(); uid != 0 {
		return launch{}, nil, fmt.Errorf("BuildKit can be started only as root, and this is user %d: run dlvgen with sudo, or point --addr or BUILDKIT_HOST at a BuildKit that runs", uid)
	}
	daemon, err := c.find("buildkitd")
	if err != nil {
		return launch{}, nil, fmt.Errorf("no buildkitd beside dlvgen (%s) or on PATH: run `make build`, install BuildKit, or point --addr or BUILDKIT_HOST at one that runs", c.besides)
	}
	runtime, err := c.find("buildkit-runc", "runc", "crun")
	if err != nil {
		return launch{}, nil, errors.New("no runc on PATH, which BuildKit runs build steps with: install it (Debian, Ubuntu: apt-get install runc)")
	}
	config, digest, err := c.config(runtime)
	if err != nil {
		return launch{}, nil, err
	}
	info, err := os.Stat(daemon)
	if err != nil {
		return launch{}, nil, fmt.Errorf("reading %s: %w", daemon, err)
	}
	return launch{Binary: daemon, ModTime: info.ModTime(), Config: digest}, config, nil
}

// find returns the absolute path of the first of the names that exists beside
// dlvgen, on PATH or in the folders of the system's own programs, which a user's
// PATH often lacks.
func (c *Child) find(names ...string) (string, error) {
	for _, name := range names {
		for _, candidate := range []string{filepath.Join(c.besides, name), name, "/usr/local/sbin/" + name, "/usr/sbin/" + name, "/sbin/" + name} {
			if path, err := exec.LookPath(candidate); err == nil {
				return filepath.Abs(path)
			}
		}
	}
	return "", exec.ErrNotFound
}

// marker is the argument by which the child's process is told from others.
func (c *Child) marker() string { return "--addr=" + c.Addr() }

// start starts a child in a session of its own, so that an interrupt from the
// terminal does not reach it, and waits until it answers.
func (c *Child) start(ctx context.Context, next launch, config []byte) error {
	for _, dir := range []string{filepath.Dir(c.socket), c.Root()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("creating a folder for BuildKit: %w", err)
		}
	}
	if err := os.WriteFile(c.configFile(), config, 0o600); err != nil {
		return fmt.Errorf("writing the configuration of BuildKit: %w", err)
	}
	log, err := os.Create(c.LogFile())
	if err != nil {
		return fmt.Errorf("creating the log of BuildKit: %w", err)
	}
	defer func() { _ = log.Close() }()

	// Not CommandContext: the child outlives this call.
	temp := filepath.Join(c.dir, "tmp")
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return fmt.Errorf("creating a folder for BuildKit: %w", err)
	}
	sweep(temp)
	cmd := exec.Command(next.Binary, "--config="+c.configFile(), "--root="+c.Root(), c.marker())
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", next.Binary, err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	if err := c.write(record{PID: cmd.Process.Pid, Started: time.Now().UTC(), launch: next}); err != nil {
		_ = cmd.Process.Kill()
		return err
	}
	if err := c.ready(ctx, ended); err != nil {
		_ = cmd.Process.Kill()
		return err
	}
	return nil
}

// ready returns when the child answers.
func (c *Child) ready(ctx context.Context, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		conn, _, err := dial(ctx, c.Addr())
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ended:
			return c.startError(fmt.Sprintf("buildkitd ended while it started: read its log, %s", c.LogFile()), nil)
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return c.startError(fmt.Sprintf("buildkitd did not answer within %s: read its log, %s", startTimeout, c.LogFile()), err)
		case <-time.After(wait):
		}
	}
}

// busy reports whether the child builds something for somebody.
func (c *Child) busy(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := client.New(ctx, c.Addr())
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	return hasActiveBuild(ctx, conn)
}

// Stop ends the child and reports its pid, 0 where none ran.
func (c *Child) Stop(ctx context.Context) (int, error) {
	unlock, err := c.lock(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	rec, err := c.read()
	if err != nil {
		return 0, err
	}
	proc, err := openProcess(rec.PID, c.marker())
	if err != nil {
		return 0, err
	}
	stopped := 0
	if proc != nil {
		defer proc.close()
		if err := proc.stop(ctx, stopTimeout); err != nil {
			return 0, err
		}
		stopped = rec.PID
	}
	// What is left of a child that crashed goes too.
	for _, path := range []string{c.pidFile(), c.socket} {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return stopped, fmt.Errorf("removing what BuildKit left: %w", err)
		}
	}
	return stopped, nil
}

// Status says whether the child runs, and where its files are.
func (c *Child) Status(ctx context.Context) (Status, error) {
	s := Status{Addr: c.Addr(), Root: c.Root(), Log: c.LogFile()}
	rec, err := c.read()
	if err != nil {
		return s, err
	}
	proc, err := openProcess(rec.PID, c.marker())
	if err != nil || proc == nil {
		return s, err
	}
	proc.close()
	s.Running, s.PID, s.Binary, s.Started = true, rec.PID, rec.Binary, rec.Started
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	conn, version, err := dial(ctx, c.Addr())
	if err != nil {
		return s, c.startError(fmt.Sprintf("BuildKit runs as process %d but does not answer: stop it with `dlvgen buildkit stop`", rec.PID), err)
	}
	s.Version = version
	return s, conn.Close()
}

// sweep removes the mount points that buildkitd leaves in its TMPDIR. Only empty
// folders go: one that a killed daemon left mounted is not empty, and not ours.
func sweep(temp string) {
	entries, _ := os.ReadDir(temp)
	for _, e := range entries {
		_ = os.Remove(filepath.Join(temp, e.Name()))
	}
}
