//go:build !race

// To compress the tools takes long under the race detector.

package cli_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// TestABuilderIsSentOnlyTheToolsThatABuildNeedsAndOnce counts all that dlvgen sends to a
// new builder, the context's few files too.
func TestABuilderIsSentOnlyTheToolsThatABuildNeedsAndOnce(t *testing.T) {
	t.Parallel()
	needBuildKit(t)
	bk, err := testenv.StartBuildKit(proctest.Context(t), testenv.BuildKitOptions{Registry: testenv.SharedRegistry(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bk.Close(); err != nil {
			t.Error(err)
		}
	})
	addr, sent := counting(t, bk.Addr)
	build := func(dir, variant string) int64 {
		t.Helper()
		before := sent.Load()
		var stdout, stderr bytes.Buffer
		args := []string{"build", "--addr", addr, "--progress", "plain", "-t", "app:v1", "--variant", variant, "-o", "type=image", dir}
		if code := cli.Run(proctest.Context(t), args, strings.NewReader(""), &stdout, &stderr); code != cli.ExitOK {
			t.Fatalf("exit code %d\n%s", code, stderr.String())
		}
		for line := range strings.Lines(stderr.String()) {
			if strings.Contains(line, "transferring") && strings.Contains(line, "done") {
				t.Log(strings.TrimSpace(line))
			}
		}
		return sent.Load() - before
	}
	first := build(testenv.SmallService(t), "remote")
	if first < 5_000_000 || first > 12_000_000 {
		t.Errorf("the first build sent %d bytes, want the tools in at most 12 MB", first)
	}
	// Another project, for BuildKit, and another variant.
	other := filepath.Join(t.TempDir(), "other")
	if err := os.CopyFS(other, os.DirFS(testenv.SmallService(t))); err != nil {
		t.Fatal(err)
	}
	again := build(other, "remote-src")
	if again > 300_000 {
		t.Errorf("the second build sent %d bytes: tools were sent again", again)
	}
	t.Logf("sent %d bytes, then %d", first, again)
}

// counting passes connections on to a daemon, and counts what it is sent.
func counting(t *testing.T, addr string) (passing string, sent *atomic.Int64) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	sent = &atomic.Int64{}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // the test has ended
			}
			daemon, err := net.Dial("unix", strings.TrimPrefix(addr, "unix://"))
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() {
				_, _ = io.Copy(io.MultiWriter(daemon, counter{sent}), client)
				_ = daemon.Close()
			}()
			go func() {
				_, _ = io.Copy(client, daemon)
				_ = client.Close()
			}()
		}
	}()
	return "unix://" + socket, sent
}

type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}
