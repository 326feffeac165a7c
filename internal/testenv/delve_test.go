package testenv_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// startHello compiles hello and starts it under a headless
// Delve on the host. It returns the addresses of the two.
func startHello(t *testing.T, dir string) (delve, page string) {
	t.Helper()
	dlv, err := testenv.Program(t.Context(), "dlv")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "server")
	build := exec.CommandContext(proctest.Context(t), "go", "build", "-gcflags=all=-N -l", "-o", program, ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	delve, addr := freeAddr(t), freeAddr(t)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, dlv, "exec", "--headless", "--api-version=2", "--accept-multiclient", "--only-same-user=false", "--listen="+delve, program, "--", "-addr="+addr)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	return delve, "http://" + addr + "/?name=delve"
}

// freeAddr is an address of the loopback interface that nobody listens at.
func freeAddr(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String()
}

func TestDelveClientsReachABreakpoint(t *testing.T) {
	dir := testenv.Service(t, "hello")
	delve, page := startHello(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	d, err := testenv.ConnectDelve(ctx, delve)
	if err != nil {
		t.Fatal(err)
	}
	request := func(ctx context.Context) error { _, err := testenv.Get(ctx, page); return err }
	state, err := d.HitFunction(ctx, "main.handler", request)
	if err != nil {
		t.Fatal(err)
	}
	if got := state.CurrentThread.Function.Name(); got != "main.handler" {
		t.Errorf("stopped in %s, want main.handler", got)
	}
	for range 2 { // past the opening brace, and past the first assignment
		if _, err := d.Step(); err != nil {
			t.Fatal(err)
		}
	}
	values, err := d.Variables()
	if err != nil {
		t.Fatal(err)
	}
	if values["name"] != `"delve"` || values["r"] == "" {
		t.Errorf("variables %v, want name and r", values)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}

	checkDAP(ctx, t, delve, dir)
}

// checkDAP attaches an editor's client, with a path map, to the program that the
// first client left stopped.
func checkDAP(ctx context.Context, t *testing.T, delve, dir string) {
	t.Helper()
	c, err := testenv.ConnectDAP(ctx, delve)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Attach(ctx, map[string]string{"/editor/hello": dir}); err != nil {
		t.Fatal(err)
	}
	if err := c.BreakAtLines(ctx, "/editor/hello/main.go", 24); err != nil {
		t.Fatal(err)
	}
	if err := c.BreakAtLines(ctx, "/editor/hello/none.go", 1); err == nil {
		t.Error("a breakpoint in a file that does not exist was set")
	}
	if err := c.Configured(ctx); err != nil {
		t.Fatal(err)
	}
	stop, err := c.Stopped(ctx)
	if err != nil {
		t.Fatal(err)
	}
	frames, err := c.Stack(ctx, stop.Body.ThreadId)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%s %s:%d", frames[0].Name, frames[0].Source.Path, frames[0].Line); got != "main.handler /editor/hello/main.go:24" {
		t.Errorf("stopped at %s", got)
	}
	values, err := c.Variables(ctx, frames[0].Id)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(values["greeting"], "Hello, delve!") {
		t.Errorf("variables %v, want the greeting", values)
	}
	if err := c.Disconnect(ctx, true); err != nil {
		t.Fatal(err)
	}
}
