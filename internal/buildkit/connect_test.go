package buildkit

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/patience"
	"github.com/dlvgen/dlvgen/internal/proctest"
)

// silentSocket accepts connections and never answers.
func silentSocket(t *testing.T) string {
	t.Helper()
	return "unix://" + proctest.Silent(t, "unix", filepath.Join(t.TempDir(), "silent.sock"), nil)
}

func TestABuildKitThatNeverAnswersIsNotWaitedForForever(t *testing.T) {
	addr := silentSocket(t)
	done := make(chan error, 1)
	go func() {
		_, err := Connect(t.Context(), addr, "--addr", &patience.Patience{Limit: 200 * time.Millisecond})
		done <- err
	}()
	select {
	case err := <-done:
		var silent *patience.SilentError
		if !errors.As(err, &silent) || !strings.Contains(err.Error(), addr+" did not answer for 200ms") || !strings.Contains(err.Error(), "--addr") {
			t.Errorf("got %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it is still waited for")
	}
}

func TestAnInterruptEndsTheWaitForBuildKit(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	told := make(chan string, 1)
	addr := silentSocket(t)
	go func() {
		_, err := Connect(ctx, addr, "BUILDKIT_HOST", &patience.Patience{Limit: time.Hour, Tell: func(line string) { told <- line; cancel() }})
		done <- err
	}()
	select {
	case err := <-done:
		if line := <-told; line != "waiting for BuildKit at "+addr || err == nil {
			t.Errorf("told %q, got %v", line, err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it is still waited for")
	}
}
