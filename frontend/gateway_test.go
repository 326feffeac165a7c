package frontend_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
)

// TestDockerEnginesOwnBuildKit builds with the BuildKit inside of Docker Engine
// through buildx and the gateway image, as users do who install nothing. Debian's
// engine is the old end of what they have: no MergeOp.
func TestDockerEnginesOwnBuildKit(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	ctx := deadline(t)
	reg, engine := testenv.SharedRegistry(t), testenv.SharedDocker(t)
	syntax := testenv.FrontendImage(t)
	buildx, err := testenv.Program(ctx, "docker-buildx")
	if err != nil {
		t.Fatal(err)
	}
	service := testenv.PlainService(t) // the engine has no cache
	fromRegistry(t, filepath.Join(service, "Dockerfile"), reg)
	build := func(tag string, args ...string) {
		t.Helper()
		args = append([]string{"build", "--builder", "default", "--progress", "plain", "--build-arg", "BUILDKIT_SYNTAX=" + syntax, "--tag", tag}, args...)
		cmd := exec.CommandContext(ctx, buildx, append(args, service)...)
		cmd.Env = append(os.Environ(), "DOCKER_HOST="+engine.Host, "BUILDX_CONFIG="+t.TempDir())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}

	const production, debug = "dlvgen-test/hello:v1", "dlvgen-test/hello:v1-debug"
	t.Cleanup(func() { // an engine that ran before keeps its other images
		if _, err := engine.CLI(context.Background(), "image", "rm", "--force", production, debug); err != nil {
			t.Error(err)
		}
	})
	build(debug, "--build-arg", "DLVGEN_VARIANT=remote-src")
	c := start(ctx, t, engine, debug)
	hitOverRPC(ctx, t, c, "/src/main.go")

	build(production)
	out, err := engine.CLI(ctx, "image", "inspect", "--format", "{{json .Config.Entrypoint}}", production)
	if err != nil || strings.TrimSpace(out) != `["/server"]` {
		t.Errorf("without a variant the image starts %s, %v", out, err)
	}
}

// fromRegistry makes a Dockerfile's base images resolve at the test's registry in
// a daemon without mirrors.
func fromRegistry(t *testing.T, dockerfile string, reg *testenv.Registry) {
	t.Helper()
	dt, err := os.ReadFile(dockerfile)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(dt), "FROM golang:", "FROM "+reg.Ref("library/golang:"))
	if err := os.WriteFile(dockerfile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSyntaxLineOfTheDockerfile(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	service := testenv.Service(t, "hello")
	dockerfile := filepath.Join(service, "Dockerfile")
	dt, err := os.ReadFile(dockerfile)
	if err != nil {
		t.Fatal(err)
	}
	syntax := "# syntax=" + testenv.FrontendImage(t) + " --variant=remote-src --start=continue\n"
	if err := os.WriteFile(dockerfile, append([]byte(syntax), dt...), 0o600); err != nil {
		t.Fatal(err)
	}
	if solved, err := bk.Solve(ctx, testenv.Solve{Context: service, Push: reg.Ref("syntax/hello:v1-debug-src")}); err != nil {
		t.Fatalf("%v\n%s", err, solved)
	}
	img, err := reg.Image(ctx, "syntax/hello:v1-debug-src")
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want := "/dlv --listen=:8000 --headless=true --api-version=2 --accept-multiclient exec --continue /server"
	if got := strings.Join(config.Config.Cmd, " "); got != want {
		t.Errorf("the image starts %s, want %s", got, want)
	}
	if config.Config.Labels[variants.LabelVariant] != "remote-src" || config.Config.User != "65532" {
		t.Errorf("labels %v, user %q", config.Config.Labels, config.Config.User)
	}
}

// TestAProgramThatContinuesServesWithoutAClient runs the image of
// --start=continue: it answers, and a client can come later.
func TestAProgramThatContinuesServesWithoutAClient(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	ctx := deadline(t)
	bk, reg, engine := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.SharedDocker(t)
	options := variant("remote")
	options.Start = "continue"
	ref := reg.Ref("continue/hello:v1-debug")
	mustDerive(ctx, t, bk, derivation{service: testenv.Service(t, "hello"), options: options, push: ref})
	c := start(ctx, t, engine, ref)
	if err := c.request(ctx); err != nil {
		t.Fatal(err)
	}
	d := c.connect(ctx, t)
	if _, err := d.Halt(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.HitFunction(ctx, "main.handler", c.request); err != nil {
		t.Fatal(err)
	}
}
