package docker

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/moby/moby/client"
)

// engineAt makes DOCKER_HOST name an engine with that handler.
func engineAt(t *testing.T, handler http.HandlerFunc) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "docker.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_HOST", "unix://"+path)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
}

// ended returns what a call returned, and fails the test where it goes on.
func ended(t *testing.T, call func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("it is still waited for")
		return nil
	}
}

func TestAnEngineThatNeverAnswersIsNotWaitedForForever(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix://"+proctest.Silent(t, "unix", filepath.Join(t.TempDir(), "docker.sock"), nil))
	told := make(chan string, 10)
	p := &patience.Patience{Limit: 200 * time.Millisecond, Notice: 20 * time.Millisecond, Tell: func(line string) { told <- line }}
	err := ended(t, func() error { _, err := Connect(t.Context(), fromEnv(t), p); return err })
	var silent *patience.SilentError
	if !errors.As(err, &silent) || !strings.Contains(err.Error(), "did not answer for 200ms") || !strings.Contains(err.Error(), "DOCKER_HOST") {
		t.Errorf("got %v", err)
	}
	if line := <-told; !strings.HasPrefix(line, "waiting for Docker Engine at unix://") {
		t.Errorf("told %q", line)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p = &patience.Patience{Limit: time.Hour, Notice: 20 * time.Millisecond, Tell: func(string) { cancel() }}
	if err := ended(t, func() error { _, err := Connect(ctx, fromEnv(t), p); return err }); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: got %v", err)
	}
}

func TestAnEngineThatGoesSilentIsNotWaitedForForever(t *testing.T) {
	engineAt(t, func(_ http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/_ping") {
			<-r.Context().Done()
		}
	})
	e, err := Connect(t.Context(), fromEnv(t), &patience.Patience{Limit: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	var silent *patience.SilentError
	for name, question := range map[string]func() error{
		"image":     func() error { _, _, err := e.Labels(t.Context(), "app:v1-debug"); return err },
		"container": func() error { _, _, err := e.Container(t.Context(), "app"); return err },
	} {
		if err := ended(t, question); !errors.As(err, &silent) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// fromEnv is a client of the engine at DOCKER_HOST.
func fromEnv(t *testing.T) client.APIClient {
	t.Helper()
	c, err := client.New(client.FromEnv)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
