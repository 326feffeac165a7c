package frontend_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/internal/tools"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"golang.org/x/tools/txtar"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// derivation is one build of a service through dlvgen.
type derivation struct {
	service    string // folder
	dockerfile string
	options    variants.Request
	attrs      map[string]string
	push       string
	exports    []client.ExportEntry // in place of push
	session    []session.Attachable

	// wrap puts something around the frontend.
	wrap func(gateway.BuildFunc) gateway.BuildFunc
}

// tryDerive runs the frontend in this process, as the command line tool does.
func tryDerive(ctx context.Context, t *testing.T, bk *testenv.BuildKit, d derivation) (*testenv.Solved, error) {
	t.Helper()
	carried, err := tools.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	attrs := frontend.Attrs(d.options)
	for k, v := range d.attrs {
		attrs[k] = v
	}
	build := frontend.New(frontend.Config{Tools: frontend.LocalTools(carried.Names), Version: "test"}).Build
	if d.wrap != nil {
		build = d.wrap(build)
	}
	return bk.Solve(ctx, testenv.Solve{
		Context:    d.service,
		Dockerfile: d.dockerfile,
		Build:      build,
		Attrs:      attrs,
		Locals:     carried.Mounts,
		Push:       d.push,
		Exports:    d.exports,
		Session:    d.session,
	})
}

// mustDerive fails the test where the build fails.
func mustDerive(ctx context.Context, t *testing.T, bk *testenv.BuildKit, d derivation) *testenv.Solved {
	t.Helper()
	solved, err := tryDerive(ctx, t, bk, d)
	if err != nil {
		t.Fatalf("%v\n%s%s", err, solved, solved.Log)
	}
	return solved
}

// variant asks for a variant with everything else at its default.
func variant(name string) variants.Request {
	return variants.Request{Variant: variants.Variant{Name: name}}
}

// planIn reads the plan that an image holds.
func planIn(t *testing.T, dt []byte) variants.Plan {
	t.Helper()
	var plan variants.Plan
	if err := json.Unmarshal(dt, &plan); err != nil {
		t.Fatal(err)
	}
	return plan
}

// deadline is the test's context with a limit.
func deadline(t *testing.T) context.Context {
	t.Helper()
	return proctest.Context(t)
}

// running is a debug container with the addresses of its ports.
type running struct {
	*testenv.Container
	debugger, page string
}

// start runs a debug image with both ports published.
func start(ctx context.Context, t *testing.T, engine *testenv.Docker, ref string, args ...string) running {
	t.Helper()
	options := append([]string{"--publish", "127.0.0.1::8000", "--publish", "127.0.0.1::12345"}, args...)
	r := running{Container: engine.Run(t, append(options, ref)...)}
	var err error
	if r.debugger, err = r.Addr(ctx, 8000); err != nil {
		t.Fatal(err)
	}
	if r.page, err = r.Addr(ctx, 12345); err != nil {
		t.Fatal(err)
	}
	return r
}

// request asks the service for its page.
func (r running) request(ctx context.Context) error {
	_, err := testenv.Get(ctx, "http://"+r.page+"/?name=gopher")
	return err
}

// connect is a client of the container's debugger.
func (r running) connect(ctx context.Context, t *testing.T) *testenv.Delve {
	t.Helper()
	d, err := testenv.ConnectDelve(ctx, r.debugger)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// lineOf is the number of the first line with the text.
func lineOf(t *testing.T, source, text string) int {
	t.Helper()
	n := 0
	for line := range strings.Lines(source) {
		n++
		if strings.Contains(line, text) {
			return n
		}
	}
	t.Fatalf("no line with %q", text)
	return 0
}

// hitOverRPC stops in the handler with Delve's own client and reads its
// variables. It leaves the program running.
func hitOverRPC(ctx context.Context, t *testing.T, c running, file string) {
	t.Helper()
	d := c.connect(ctx, t)
	answered := make(chan error, 1)
	state, err := d.HitFunction(ctx, "main.handler", func(ctx context.Context) error {
		err := c.request(ctx)
		answered <- err
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := state.CurrentThread.File; got != file {
		t.Errorf("stopped in %s, want %s", got, file)
	}
	for range 2 {
		if _, err := d.Step(); err != nil {
			t.Fatal(err)
		}
	}
	values, err := d.Variables()
	if err != nil {
		t.Fatal(err)
	}
	if values["name"] != `"gopher"` || values["r"] == "" || values["w"] == "" {
		t.Errorf("the handler's variables are %v", values)
	}
	if _, err := d.ClearBreakpoint(state.CurrentThread.Breakpoint.ID); err != nil {
		t.Fatal(err)
	}
	d.Continue()
	goesOn(ctx, t, answered)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// goesOn waits for the answer to a request that a breakpoint held up.
func goesOn(ctx context.Context, t *testing.T, answered <-chan error) {
	t.Helper()
	select {
	case err := <-answered:
		if err != nil {
			t.Fatal(err)
		}
	case <-ctx.Done():
		t.Fatal("the program does not go on")
	}
}

// hitOverDAP stops at a line of the local checkout, as an editor does, continues
// and leaves.
func hitOverDAP(ctx context.Context, t *testing.T, c running, service, root string) {
	t.Helper()
	local := filepath.Join(service, "main.go")
	source, err := os.ReadFile(local)
	if err != nil {
		t.Fatal(err)
	}
	line := lineOf(t, string(source), "greeting := ")
	d, err := testenv.ConnectDAP(ctx, c.debugger)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		d.Attach(ctx, map[string]string{service: root}),
		d.BreakAtLines(ctx, local, line),
		d.Configured(ctx),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	answered := make(chan error, 1)
	go func() { answered <- c.request(ctx) }()
	stop, err := d.Stopped(ctx)
	if err != nil {
		t.Fatal(err)
	}
	frames, err := d.Stack(ctx, stop.Body.ThreadId)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprintf("%s %s:%d", frames[0].Name, frames[0].Source.Path, frames[0].Line), fmt.Sprintf("main.handler %s:%d", local, line); got != want {
		t.Errorf("the editor shows %s, want %s", got, want)
	}
	values, err := d.Variables(ctx, frames[0].Id)
	if err != nil {
		t.Fatal(err)
	}
	if values["name"] != `"gopher"` {
		t.Errorf("the handler's variables are %v", values)
	}
	if err := d.Continue(ctx, stop.Body.ThreadId); err != nil {
		t.Fatal(err)
	}
	goesOn(ctx, t, answered)
	if err := d.Disconnect(ctx, false); err != nil {
		t.Fatal(err)
	}
}

// secretMark is in every secret file of the tests here, and in files that nothing
// compiles.
const secretMark = "dlvgen-test-secret-8d1f"

// writeService writes a txtar archive to a folder of its own.
func writeService(t *testing.T, archive string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, bytes.ReplaceAll(f.Data, []byte("SECRET"), []byte(secretMark)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
