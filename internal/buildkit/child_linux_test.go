package buildkit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// newTestChild is a child whose files lie in folders of the test's own, which is
// stopped when the test ends.
func newTestChild(t *testing.T) *Child {
	t.Helper()
	testenv.Require(t, testenv.NeedRoot)
	proctest.RequirePrograms(t, "runc")
	daemon, err := testenv.Program(proctest.Context(t), "buildkitd")
	if err != nil {
		t.Fatal(err)
	}
	setFolders(t)
	c, err := NewChild()
	if err != nil {
		t.Fatal(err)
	}
	c.besides = filepath.Dir(daemon)
	t.Cleanup(func() {
		// The test's context is over by now.
		if _, err := c.Stop(context.Background()); err != nil {
			t.Errorf("stopping the child: %v", err)
		}
	})
	return c
}

// setFolders points everything that NewChild reads at folders of the test.
func setFolders(t *testing.T) {
	t.Helper()
	// t.TempDir is named after the test, which is too long for a socket's path.
	dir, err := os.MkdirTemp("", "dlvgen-bk") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(dir, "run"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	t.Setenv(UserConfigEnv, "")
}

// mustOpen opens the child and closes the client again.
func mustOpen(t *testing.T, c *Child) {
	t.Helper()
	if err := hold(t, c).Close(); err != nil {
		t.Error(err)
	}
}

// hold opens the child as a call does that goes on until the client is closed.
func hold(t *testing.T, c *Child) *Connection {
	t.Helper()
	conn, err := c.Open(proctest.Context(t), nil)
	if err != nil {
		var start *StartError
		if errors.As(err, &start) {
			t.Log(start.Details())
		}
		t.Fatal(err)
	}
	return conn
}

func mustStatus(t *testing.T, c *Child) Status {
	t.Helper()
	s, err := c.Status(proctest.Context(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestChildIsKeptForTheNextCallAndStops(t *testing.T) {
	c := newTestChild(t)
	if s := mustStatus(t, c); s.Running {
		t.Fatalf("a child runs before the first call: %+v", s)
	}
	var notes []string
	notify := func(line string) { notes = append(notes, line) }
	conn, err := c.Open(proctest.Context(t), notify)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	first := mustStatus(t, c)
	if !first.Running || first.PID == 0 || first.Version == "" {
		t.Fatalf("after the first call the status is %+v", first)
	}
	sid, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", first.PID))
	if err != nil {
		t.Fatal(err)
	}
	// pid (comm) state ppid pgrp session: see man 5 proc.
	if fields := strings.Fields(string(sid[strings.LastIndexByte(string(sid), ')')+1:])); fields[3] != fmt.Sprint(first.PID) {
		t.Errorf("the child is in session %s, want one of its own, %d", fields[3], first.PID)
	}

	if conn, err = c.Open(proctest.Context(t), notify); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if second := mustStatus(t, c); second.PID != first.PID {
		t.Errorf("the second call started process %d, want the first's, %d", second.PID, first.PID)
	}
	if len(notes) != 1 {
		t.Errorf("%d starts were told, want 1: %q", len(notes), notes)
	}

	pid, err := c.Stop(proctest.Context(t))
	if err != nil || pid != first.PID {
		t.Fatalf("Stop returned %d, %v, want %d", pid, err, first.PID)
	}
	if s := mustStatus(t, c); s.Running {
		t.Errorf("after Stop the status is %+v", s)
	}
	if pid, err := c.Stop(proctest.Context(t)); err != nil || pid != 0 {
		t.Errorf("the second Stop returned %d, %v, want 0 and no error", pid, err)
	}
}

func TestConcurrentCallsStartOneChild(t *testing.T) {
	c := newTestChild(t)
	const calls = 4
	var wg sync.WaitGroup
	starts := make(chan string, calls)
	for range calls {
		wg.Go(func() {
			// A call of its own, as in another process.
			other := *c
			conn, err := other.Open(proctest.Context(t), func(line string) { starts <- line })
			if err != nil {
				t.Error(err)
				return
			}
			_ = conn.Close()
		})
	}
	wg.Wait()
	if len(starts) != 1 {
		t.Errorf("%d of %d concurrent calls started a child, want 1", len(starts), calls)
	}
}

func TestChildThatWasKilledIsStartedAgain(t *testing.T) {
	c := newTestChild(t)
	mustOpen(t, c)
	first := mustStatus(t, c)
	proc, err := openProcess(first.PID)
	if err != nil || proc == nil {
		t.Fatalf("openProcess returned %v, %v", proc, err)
	}
	defer proc.close()
	p, err := os.FindProcess(first.PID)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	if ended, err := proc.wait(proctest.Context(t), time.Minute); !ended || err != nil {
		t.Fatalf("waiting for the killed child: %v, %v", ended, err)
	}
	mustOpen(t, c)
	if second := mustStatus(t, c); !second.Running || second.PID == first.PID {
		t.Errorf("after the kill the status is %+v", second)
	}
}

func TestChangedUserConfigurationReplacesAnIdleChild(t *testing.T) {
	c := newTestChild(t)
	mustOpen(t, c)
	first := mustStatus(t, c)
	c.userConfig = filepath.Join(t.TempDir(), "buildkitd.toml")
	if err := os.WriteFile(c.userConfig, []byte("[registry.\"docker.io\"]\nmirrors = [\"127.0.0.1:5000\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, c)
	if second := mustStatus(t, c); second.PID == first.PID {
		t.Error("the child still runs with the old configuration")
	}
}

func TestChildThatFailsToStartShowsTheEndOfItsLog(t *testing.T) {
	c := newTestChild(t)
	c.userConfig = filepath.Join(t.TempDir(), "buildkitd.toml")
	if err := os.WriteFile(c.userConfig, []byte("[worker.oci]\nsnapshotter = \"none-such\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := c.Open(proctest.Context(t), nil)
	var start *StartError
	if !errors.As(err, &start) {
		t.Fatalf("got %v, want a StartError", err)
	}
	if !strings.Contains(start.Details(), "none-such") {
		t.Errorf("the details do not show the log: %s", start.Details())
	}
	if s := mustStatus(t, c); s.Running {
		t.Errorf("a failed start left %+v", s)
	}
}

func TestMissingProgramsAreNamedWithTheRemedy(t *testing.T) {
	testenv.Require(t, testenv.NeedRoot)
	setFolders(t)
	c, err := NewChild()
	if err != nil {
		t.Fatal(err)
	}
	c.besides = t.TempDir()
	t.Setenv("PATH", c.besides)
	if _, err := c.Open(proctest.Context(t), nil); err == nil || !strings.Contains(err.Error(), "no buildkitd") {
		t.Errorf("got %v, want an error about buildkitd", err)
	}
}
