package buildkit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/moby/buildkit/client"
	"golang.org/x/sys/unix"
)

// Open returns a client of a child that has answered: of the one that runs, or of a
// new one. A child that another binary, configuration or environment started is
// replaced once nobody uses it. While somebody does, one of another binary serves, and
// for one of other settings Open waits. No call replaces the child until the client is
// closed.
func (c *Child) Open(ctx context.Context, notify func(string)) (*Connection, error) {
	if notify == nil {
		notify = func(string) {}
	}
	deadline := time.Now().Add(c.free)
	for told := false; ; told = true {
		conn, inUse, err := c.open(ctx, notify)
		if inUse == "" {
			return conn, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%s, for more than %s: wait for the build that uses it, or stop it with `dlvgen buildkit stop`", inUse, c.free)
		}
		if !told {
			notify(inUse + ": waiting until it is free")
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// open is Open without the wait: where the child is in use with other settings, inUse
// says so, and there is neither a client nor an error.
func (c *Child) open(ctx context.Context, notify func(string)) (conn *Connection, inUse string, err error) {
	unlock, err := c.lock(ctx)
	if err != nil {
		return nil, "", err
	}
	defer unlock()
	child, err := c.current()
	if err != nil {
		return nil, "", err
	}
	next, planErr := c.plan()
	// What runs is good enough where its successor can't be had.
	if child != nil && planErr == nil && !c.serves(child, next) {
		if child, inUse, err = c.retire(ctx, child, next); err != nil || inUse != "" {
			return nil, inUse, err
		}
	}
	if child == nil && planErr != nil {
		return nil, "", planErr
	}
	remedy := "end it with `dlvgen buildkit stop` and try again"
	if child != nil {
		defer child.close()
		conn, err = c.connect(ctx, child, remedy)
		return conn, "", err
	}
	notify(fmt.Sprintf("starting BuildKit (%s); it keeps running for the next call, `dlvgen buildkit stop` stops it", next.Binary))
	if child, err = c.start(next); err != nil {
		return nil, "", err
	}
	defer child.close()
	if conn, err = c.connect(ctx, child, "read its log, "+c.LogFile()); err != nil {
		_, _ = child.send(context.WithoutCancel(ctx), unix.SIGKILL, stopTimeout)
	}
	return conn, "", err
}

// serves tells whether a child is what would be started now, and has a socket, but for
// the moment after its start.
func (c *Child) serves(child *running, next *plan) bool {
	_, err := os.Stat(child.socket())
	lost := err != nil && time.Since(child.Started) > c.young
	return child.equal(next.launch) && len(differing(child.env, next.env)) == 0 && !lost
}

// differs says which of the settings of a child are others now, "" where none is. Its
// programs and the PATH that leads to them are no settings.
func (r *running) differs(next *plan) string {
	what := slices.DeleteFunc(differing(r.env, next.env), func(name string) bool { return name == pathEnv })
	if r.Config != next.Config {
		what = append([]string{"its configuration"}, what...)
	}
	return strings.Join(what, ", ")
}

// retire ends a child that is out of date. It returns the child where that is in use
// and serves nevertheless, and says where it does not; else it closes it.
func (c *Child) retire(ctx context.Context, child *running, next *plan) (_ *running, inUse string, err error) {
	serves := false
	defer func() {
		if !serves {
			child.close()
		}
	}()
	use := c.use()
	free, err := use.TryLock()
	if err != nil {
		return nil, "", fmt.Errorf("locking BuildKit's state: %w", err)
	}
	defer func() { _ = use.Unlock() }()
	if free && !busy(ctx, child.addr) {
		if err := child.stop(ctx, stopTimeout); err != nil {
			return nil, "", fmt.Errorf("replacing the BuildKit of another dlvgen: %w", err)
		}
		return nil, "", nil
	}
	if what := child.differs(next); what != "" {
		return nil, fmt.Sprintf("BuildKit, process %d, is in use with other settings (%s)", child.pid, what), nil
	}
	serves = true
	return child, "", nil
}

// start starts a child in a session of its own, so that an interrupt from the
// terminal does not reach it.
func (c *Child) start(next *plan) (*running, error) {
	for _, dir := range []string{filepath.Dir(c.socket), c.Root(), c.temp(), c.runtimeDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("creating a folder for BuildKit: %w", err)
		}
	}
	sweep(c.temp())
	if err := os.WriteFile(c.configFile(), next.config, 0o600); err != nil {
		return nil, fmt.Errorf("writing the configuration of BuildKit: %w", err)
	}
	log, err := os.OpenFile(c.LogFile(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("creating the log of BuildKit: %w", err)
	}
	defer func() { _ = log.Close() }()
	rec := record{Started: time.Now().UTC(), launch: next.launch}
	text, err := json.Marshal(rec)
	if err != nil {
		return nil, fmt.Errorf("encoding BuildKit's settings: %w", err)
	}

	// Not CommandContext: the child outlives this call.
	line := append(append(slices.Clone(next.wrapper), next.Binary), c.arguments()...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append([]string{recordEnv + "=" + string(text)}, next.env...)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", line[0], err)
	}
	proc, err := openProcess(cmd.Process.Pid)
	if err != nil {
		_ = cmd.Process.Kill()
	}
	go func() { _ = cmd.Wait() }()
	if err != nil {
		return nil, err
	}
	return &running{process: proc, record: rec, addr: c.Addr(), env: next.env}, nil
}

// connect waits until the child answers, and holds it for the client. The remedy is for
// one that does not.
func (c *Child) connect(ctx context.Context, child *running, remedy string) (*Connection, error) {
	use := c.use()
	if ok, err := use.TryRLock(); err != nil || !ok {
		return nil, fmt.Errorf("locking BuildKit's state, %s: %w", use.Path(), cmp.Or(err, errors.New("another process holds the lock")))
	}
	conn, err := c.ready(ctx, child, remedy)
	if err != nil {
		_ = use.Unlock()
		return nil, err
	}
	conn.release = func() { _ = use.Unlock() }
	return conn, nil
}

// ready returns when the child answers.
func (c *Child) ready(ctx context.Context, child *running, remedy string) (*Connection, error) {
	ctx, cancel := context.WithTimeout(ctx, c.answers)
	defer cancel()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		conn, err := dial(ctx, child.addr)
		if err == nil {
			return conn, nil
		}
		ended, _ := child.wait(ctx, wait)
		switch {
		case ended:
			return nil, c.startError(fmt.Sprintf("buildkitd exited while starting: see its log, %s", c.LogFile()), nil)
		case errors.Is(ctx.Err(), context.Canceled):
			return nil, ctx.Err()
		case ctx.Err() != nil:
			return nil, c.startError(fmt.Sprintf("BuildKit, process %d, did not answer within %s: %s", child.pid, c.answers, remedy), err)
		}
	}
}

// busy reports whether a BuildKit builds something for somebody, dlvgen or not.
func busy(ctx context.Context, addr string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := client.New(ctx, addr)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	return hasActiveBuild(ctx, conn)
}

// Stop ends the child, whoever uses it, and reports its pid, 0 where none ran.
func (c *Child) Stop(ctx context.Context) (int, error) {
	unlock, err := c.lock(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	stopped := 0
	sockets := []string{c.socket}
	for {
		child, err := c.current()
		if err != nil {
			return stopped, err
		}
		if child == nil {
			break
		}
		err = child.stop(ctx, stopTimeout)
		child.close()
		if err != nil {
			return stopped, err
		}
		stopped, sockets = child.pid, append(sockets, child.socket())
	}
	// What is left of a child that crashed goes too.
	for _, socket := range sockets {
		if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
			return stopped, fmt.Errorf("removing BuildKit's files: %w", err)
		}
	}
	return stopped, nil
}

// Status says whether the child runs, and where its files are.
func (c *Child) Status(ctx context.Context) (Status, error) {
	s := Status{Addr: c.Addr(), Root: c.Root(), Log: c.LogFile()}
	child, err := c.current()
	if err != nil || child == nil {
		return s, err
	}
	defer child.close()
	s.Running, s.PID, s.Addr, s.Binary, s.Started = true, child.pid, child.addr, child.Binary, child.Started
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	conn, err := dial(ctx, child.addr)
	if err != nil {
		return s, c.startError(fmt.Sprintf("BuildKit is running as process %d but does not answer: stop it with `dlvgen buildkit stop`", child.pid), err)
	}
	s.Version = conn.version
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
