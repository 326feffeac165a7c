//go:build !race

// BuildKit's Dockerfile frontend resolves the base images of several stages at
// once, and writes one field from all of them (frontend/dockerfile/builder,
// resolvecache.go, v0.34.2). Dockerfiles with more than one base image are
// therefore tested without the race detector.

package frontend_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/moby/buildkit/client"
)

// exitTerminated is hello's exit code after SIGTERM.
const exitTerminated = 7

func TestBreakpointOnEveryBase(t *testing.T) {
	t.Parallel()
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

func TestBreakpointWhereTheCompileIsHidden(t *testing.T) {
	t.Parallel()
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

func TestStepsAheadOfTheCompileAreCachedFromProduction(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk := testenv.SharedBuildKit(t)
	service := testenv.Service(t, "hello")
	unseen(t, filepath.Join(service, "Dockerfile.debian"))
	if solved, err := bk.Solve(ctx, testenv.Solve{Context: service, Dockerfile: "Dockerfile.debian"}); err != nil {
		t.Fatalf("%v\n%s", err, solved.Log)
	}
	solved := mustDerive(ctx, t, bk, derivation{service: service, dockerfile: "Dockerfile.debian", options: variant("remote")})
	for _, words := range [][]string{{"RUN apt-get"}, {"WORKDIR /src"}, {"COPY go.mod"}, {"RUN go mod download"}, {"COPY . ."}, {"RUN useradd"}} {
		if step := mustStep(t, solved, words...); !step.Cached {
			t.Errorf("%s was run again", step.Name)
		}
	}
	if step := mustStep(t, solved, "RUN CGO_ENABLED=0 go build"); step.Cached {
		t.Errorf("%s came out of production's cache, so it was not compiled for debugging", step.Name)
	}
}

// unseen gives the first step of each stage an environment that no build has seen, so that
// the builder has none of what follows.
func unseen(t *testing.T, dockerfile string) {
	t.Helper()
	text, err := os.ReadFile(dockerfile)
	if err != nil {
		t.Fatal(err)
	}
	from := regexp.MustCompile(`(?m)^FROM .*$`)
	text = from.ReplaceAll(text, []byte("$0\nENV UNSEEN="+rand.Text()))
	if err := os.WriteFile(dockerfile, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func mustStep(t *testing.T, solved *testenv.Solved, words ...string) *client.Vertex {
	t.Helper()
	step, err := solved.Step(words...)
	if err != nil {
		t.Fatal(err)
	}
	return step
}
