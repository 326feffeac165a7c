package cli_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/docker/cli/cli-plugins/metadata"
	"github.com/docker/cli/cli-plugins/socket"
)

// interruptingWriter is a stderr that interrupts the call once it says something.
type interruptingWriter struct {
	mu        sync.Mutex
	text      bytes.Buffer
	says      string
	interrupt func()
}

func (w *interruptingWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(p)
	if strings.Contains(w.text.String(), w.says) {
		w.interrupt()
	}
	return n, err
}

func TestTheWaitForASilentRegistryIsShownAndCanBeInterrupted(t *testing.T) {
	requireTools(t)
	host := proctest.Silent(t, "tcp", "127.0.0.1:0", nil)
	for _, args := range [][]string{
		{"build", "-t", host + "/app:v1", "--push", "."},
		{"build", "-t", "app:v1", "--cache-to", host + "/app:cache", "."},
		{"build", "-t", "app:v1", "--cache-from", "type=registry,ref=" + host + "/app:cache", "."},
		{"connect", "--source", "registry", host + "/app:v1-debug"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		stderr := &interruptingWriter{says: "waiting for " + host, interrupt: cancel}
		done := make(chan int, 1)
		go func() { done <- cli.Run(ctx, args, strings.NewReader(""), &bytes.Buffer{}, stderr) }()
		select {
		case code := <-done:
			if code != cli.ExitInterrupted {
				t.Errorf("%q: exit code %d\n%s", args, code, stderr.text.String())
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%q: it goes on", args)
		}
		cancel()
	}
}

// TestThePluginIsInterruptedByDocker has the socket of a docker command that was interrupted.
func TestThePluginIsInterruptedByDocker(t *testing.T) {
	host := proctest.Silent(t, "tcp", "127.0.0.1:0", nil)
	docker, err := socket.NewPluginServer(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(socket.EnvKey, docker.Addr().String())
	t.Setenv(metadata.ReexecEnvvar, "docker")
	stderr := &interruptingWriter{says: "waiting for " + host, interrupt: func() { _ = docker.Close() }}
	args := []string{"docker-dlvgen", "dlvgen", "connect", "--source", "registry", host + "/app:v1-debug"}
	if code := cli.Main(proctest.Context(t), args, strings.NewReader(""), &bytes.Buffer{}, stderr); code != cli.ExitInterrupted {
		t.Errorf("exit code %d\n%s", code, stderr.text.String())
	}
}
