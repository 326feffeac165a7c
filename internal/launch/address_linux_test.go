package launch

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/procfs"
	"github.com/dlvgen/dlvgen/internal/proctest"
)

// everywhere is the port of an address at each of the machine's addresses.
func everywhere(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(proctest.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	return ":" + port
}

func TestProbeFindsATakenAddress(t *testing.T) {
	for name, listen := range map[string]string{
		"IPv4":        proctest.FreeAddress(t),
		"any address": everywhere(t),
		"unix":        "unix:" + filepath.Join(t.TempDir(), "delve.sock"),
	} {
		a := procfs.ParseAddress(listen)
		for range 2 { // it leaves nothing behind
			if err := probe(a); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		l, err := net.Listen(a.Network, a.Listen)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := probe(a); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s: %v, want that it is in use", name, err)
		}
		if a.Network == "unix" {
			if _, err := os.Stat(a.Path); err != nil {
				t.Errorf("the other's socket: %v", err)
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// An IDE knocks until the debugger answers. If it came through to the probe, it would
// lose the connection at once, or the command that lets the program run.
func TestNobodyConnectsToAProbe(t *testing.T) {
	for _, listen := range []string{proctest.FreeAddress(t), everywhere(t)} {
		a := procfs.ParseAddress(listen)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		knocked := make(chan int)
		go func() {
			n := 0
			for ctx.Err() == nil {
				if conn, err := net.Dial(a.Network, a.Dial[0]); err == nil {
					_ = conn.Close()
					n++
				}
			}
			knocked <- n
		}()
		for ctx.Err() == nil {
			if err := probe(a); err != nil {
				t.Error(err)
				break
			}
		}
		cancel()
		if n := <-knocked; n > 0 {
			t.Errorf("%s: %d connections to the probe", listen, n)
		}
	}
}
