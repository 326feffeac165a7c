package buildkit

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTheChildGetsNoSecretOfItsCaller(t *testing.T) {
	c := newTestChild(t)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "seen")
	t.Setenv("GITHUB_TOKEN", "seen")
	t.Setenv("no_proxy", "127.0.0.1")
	mustOpen(t, c)
	allowed := append([]string{"PATH", "TMPDIR", recordEnv}, passed...)
	env := strings0(mustStatus(t, c).PID, "environ")
	for _, v := range env {
		if name, value, _ := strings.Cut(v, "="); !slices.Contains(allowed, name) || value == "seen" {
			t.Errorf("the child has %s", v)
		}
	}
	if !slices.Contains(env, "no_proxy=127.0.0.1") {
		t.Errorf("the child has no proxy settings: %q", env)
	}
}

func TestAnotherProxyGetsAnotherChild(t *testing.T) {
	c := newTestChild(t)
	t.Setenv("HTTPS_PROXY", "http://user:password@127.0.0.1:1")
	mustOpen(t, c)
	first := mustStatus(t, c)
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:2")
	mustOpen(t, c)
	second := mustStatus(t, c)
	if second.PID == first.PID || !slices.Contains(strings0(second.PID, "environ"), "HTTPS_PROXY=http://127.0.0.1:2") {
		t.Errorf("the child is process %d with %q, and was process %d", second.PID, strings0(second.PID, "environ"), first.PID)
	}
	t.Setenv("PATH", t.TempDir()+":"+os.Getenv("PATH"))
	t.Setenv("TERM", "other")
	mustOpen(t, c)
	if third := mustStatus(t, c); third.PID != second.PID {
		t.Error("a call from a shell with another PATH started another child")
	}
}

// TestOtherSettingsWaitWhileTheChildIsInUse has a call that has opened the child and
// solves nothing yet.
func TestOtherSettingsWaitWhileTheChildIsInUse(t *testing.T) {
	c := newTestChild(t)
	conn := hold(t, c)
	first := mustStatus(t, c)
	t.Setenv("HTTPS_PROXY", "http://user:password@127.0.0.1:1")

	impatient := *c
	impatient.free = 0
	_, err := impatient.Open(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "(HTTPS_PROXY)") || !strings.Contains(err.Error(), "dlvgen buildkit stop") || strings.Contains(err.Error(), "password") {
		t.Errorf("got %v, want an error that names the variable, not its value, and the remedy", err)
	}

	notes, opened := make(chan string, 10), make(chan error, 1)
	go func() {
		conn, err := c.Open(t.Context(), func(line string) { notes <- line })
		if err == nil {
			err = conn.Close()
		}
		opened <- err
	}()
	select {
	case line := <-notes:
		if !strings.Contains(line, "HTTPS_PROXY") || strings.Contains(line, "password") {
			t.Errorf("the user is told %q", line)
		}
	case err := <-opened:
		t.Fatalf("the other call did not wait: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("the other call says nothing")
	}
	if s := mustStatus(t, c); s.PID != first.PID {
		t.Error("the child was replaced while it was in use")
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-opened:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the other call goes on waiting though the child is free")
	}
	if s := mustStatus(t, c); s.PID == first.PID {
		t.Error("the child was not replaced once it was free")
	}
}
