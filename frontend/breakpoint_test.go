package frontend_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// exitTerminated is hello's exit code after SIGTERM.
const exitTerminated = 7

func TestBreakpointOnEveryBase(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	bk, reg, engine := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.SharedDocker(t)
	for dockerfile, root := range map[string]string{"Dockerfile": "/src", "Dockerfile.debian": "/src", "Dockerfile.distroless": "/src"} {
		t.Run(dockerfile, func(t *testing.T) {
			ctx := deadline(t)
			service := testenv.Service(t, "hello")
			ref := reg.Ref("breakpoint/hello:" + dockerfile)
			mustDerive(ctx, t, bk, derivation{service: service, dockerfile: dockerfile, options: variant("remote"), push: ref})
			c := start(ctx, t, engine, ref, "--read-only")

			hitOverRPC(ctx, t, c, filepath.Join(root, "main.go"))
			hitOverDAP(ctx, t, c, service, root)

			code, err := c.Stop(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if log, err := c.Logs(ctx); err != nil || code != exitTerminated || !strings.Contains(log, "shutting down") {
				t.Errorf("exit code %d, log %q, %v: want the program's own handler and code %d", code, log, err, exitTerminated)
			}
		})
	}
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

func TestBakedSourcesAreListedFromInside(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	ctx := deadline(t)
	bk, reg, engine := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.SharedDocker(t)
	ref := reg.Ref("sources/hello:v1-debug-src")
	mustDerive(ctx, t, bk, derivation{service: testenv.Service(t, "hello"), options: variant("remote-src"), push: ref})
	c := start(ctx, t, engine, ref)
	if err := c.connect(ctx, t).Close(); err != nil { // until it listens
		t.Fatal(err)
	}
	inside := exec.CommandContext(ctx, "docker", "exec", "-i", c.ID, "/dlv", "connect", ":8000")
	inside.Env = append(os.Environ(), "DOCKER_HOST="+engine.Host)
	inside.Stdin = strings.NewReader("list /src/main.go:17\nquit -c\n")
	out, err := inside.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.Contains(string(out), "handler(w http.ResponseWriter, r *http.Request) {") {
		t.Errorf("dlv connect inside the container lists\n%s", out)
	}
}

func TestBreakpointWhereTheCompileIsHidden(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	bk, reg, engine := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.SharedDocker(t)
	for service, local := range map[string]string{
		"makefile":   "answer",
		"cgopie":     "sum",
		"script":     "",
		"dependency": "",
	} {
		t.Run(service, func(t *testing.T) {
			ctx := deadline(t)
			ref := reg.Ref("hidden/" + service + ":v1-debug")
			mustDerive(ctx, t, bk, derivation{service: testenv.Service(t, service), options: variant("remote"), push: ref})
			c := start(ctx, t, engine, ref)
			d := c.connect(ctx, t)
			state, err := d.HitFunction(ctx, "main.handler", c.request)
			if err != nil {
				t.Fatal(err)
			}
			if got := filepath.Base(state.CurrentThread.File); got != "main.go" {
				t.Errorf("stopped in %s", got)
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
			if _, ok := values[local]; local != "" && !ok {
				t.Errorf("the handler's variables are %v, want %s among them", values, local)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
