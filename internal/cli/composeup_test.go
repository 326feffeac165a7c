//go:build linux && !race

package cli_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// composeVariable in the environment names Docker Compose, which the test needs and `make
// test-compose` builds: as much work as a fifth of all tests.
const composeVariable = "DLVGEN_TEST_COMPOSE"

// composeProject has two services with one source, of which one waits for the health of the
// other, and both for that of a third.
const composeProject = `services:
  db:
    image: BUSYBOX
    command: [sleep, "3600"]
    healthcheck: {test: [CMD, "true"], interval: 1s}
    network_mode: bridge
  app:
    build: {context: service}
    image: compose-test/app:v1
    network_mode: bridge
    init: true
    read_only: true
    user: "65532:65532"
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    restart: always
    stop_grace_period: 5s
    depends_on: {db: {condition: service_healthy}}
    healthcheck: {test: [CMD, wget, -q, -O-, "http://127.0.0.1:12345/?name=check"], interval: 1s, timeout: 1s, retries: 2}
  worker:
    build: {context: service}
    network_mode: bridge
    depends_on: {app: {condition: service_healthy}, db: {condition: service_healthy}}
`

// composeFolder is the working folder of the test with the project.
func composeFolder(t *testing.T, reg *testenv.Registry) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), fmt.Sprintf("compose-test-%d", os.Getpid()))
	service := filepath.Join(dir, "service")
	busybox := reg.Ref("library/busybox:latest")
	dockerfile := fmt.Sprintf("FROM %s AS build\nWORKDIR /src\nCOPY . .\nRUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /server .\nFROM %s\nCOPY --from=build /server /server\nENTRYPOINT [\"/server\"]\n", goWithoutC(t, reg), busybox)
	err := errors.Join(os.Mkdir(dir, 0o755), os.Rename(testenv.PlainService(t), service),
		os.WriteFile(filepath.Join(service, "Dockerfile"), []byte(dockerfile), 0o600),
		os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(strings.ReplaceAll(composeProject, "BUSYBOX", busybox)), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
}

// dockerCompose is Docker Compose, and whether it is release 1.
type dockerCompose struct {
	program string
	first   bool
}

func newDockerCompose(t *testing.T, engine *testenv.Docker) dockerCompose {
	t.Helper()
	buildx, err := testenv.Program(t.Context(), "docker-buildx")
	if err != nil {
		t.Fatal(err)
	}
	config := t.TempDir()
	plugins := filepath.Join(config, "cli-plugins")
	// Compose asks for its version, which the module does not know when it is built.
	plugin := fmt.Sprintf("#!/bin/sh\n[ \"$1\" != docker-cli-plugin-metadata ] || exec echo '%s'\nexec %s \"$@\"\n", `{"SchemaVersion":"0.1.0","Vendor":"test","Version":"v0.38.2"}`, buildx)
	if err := errors.Join(os.Mkdir(plugins, 0o755), os.WriteFile(filepath.Join(plugins, "docker-buildx"), []byte(plugin), 0o700)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_HOST", engine.Host)
	t.Setenv("DOCKER_CONTEXT", "")
	t.Setenv("DOCKER_CONFIG", config)
	t.Setenv("DOCKER_BUILDKIT", "1")
	c := dockerCompose{program: os.Getenv(composeVariable)}
	c.first = strings.HasPrefix(c.run(t, "version", "--short"), "1.")
	return c
}

func (c dockerCompose) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(proctest.Context(t), c.program, args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("docker-compose %q: %v\n%s%s", args, err, stdout.String(), stderr.String())
	}
	return strings.TrimSpace(stdout.String())
}

// TestComposeUpDebugsServices has a project up with the file of `dlvgen compose`, and stops both
// services at a breakpoint.
func TestComposeUpDebugsServices(t *testing.T) {
	if os.Getenv(composeVariable) == "" {
		t.Skipf("%s is not set: run make test-compose", composeVariable)
	}
	reg := needBuildKit(t)
	testenv.Require(t, testenv.NeedDocker|testenv.NeedRoot)
	engine, ctx := testenv.SharedDocker(t), proctest.Context(t)
	syntax, compose := testenv.FrontendImage(t), newDockerCompose(t, engine)
	composeFolder(t, reg)
	t.Setenv("DLVGEN_SYNTAX", syntax)
	docker := func(args ...string) string {
		t.Helper()
		out, err := engine.CLI(ctx, args...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
	docker("pull", reg.Ref("library/busybox:latest"))
	docker("tag", reg.Ref("library/busybox:latest"), "compose-test/app:v1") // stands for production
	production := docker("inspect", "--format", "{{.Id}}", "compose-test/app:v1")

	const file = "compose.debug.yaml"
	c, stderr := composes(t, "-o", file, "--watch="+fmt.Sprint(!compose.first), "--port", fmt.Sprint(testenv.FreePort(t)))
	if len(c.Services) != 2 || len(c.Skipped) != 1 || c.Skipped[0].Service != "db" {
		t.Fatalf("debugged are %+v:\n%s", c, stderr)
	}
	files := []string{"-f", "compose.yaml", "-f", file}
	t.Cleanup(func() {
		down := exec.CommandContext(context.Background(), compose.program, append(files, "down", "--timeout", "1")...)
		if out, err := down.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		_, err := engine.CLI(context.Background(), "image", "rm", "--force", "compose-test/app:v1", c.Services[0].Image, c.Services[1].Image)
		if err != nil {
			t.Error(err)
		}
	})
	compose.run(t, append(files, "up", "--build", "--detach")...)
	if now := docker("inspect", "--format", "{{.Id}}", "compose-test/app:v1"); now != production {
		t.Errorf("production's image was %s, and is %s", production, now)
	}
	app := compose.run(t, append(files, "ps", "-q", "app")...)
	health := func(format string) string {
		t.Helper()
		return docker("inspect", "--format", format, app)
	}
	for _, s := range c.Services {
		id := compose.run(t, append(files, "ps", "-q", s.Service)...)
		address := docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", id) + ":12345"
		d, err := testenv.ConnectDelve(ctx, s.Address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Halt(); err != nil {
			t.Fatal(err)
		}
		page := func(ctx context.Context) error {
			_, err := testenv.Get(ctx, "http://"+address+"/?name="+s.Service)
			return err
		}
		state, err := d.HitFunction(ctx, "main.handler", page)
		if err != nil {
			t.Fatalf("%s: %v", s.Service, err)
		}
		if got := filepath.Base(state.CurrentThread.File); got != "main.go" {
			t.Errorf("%s: stopped in %s", s.Service, got)
		}
		if s.Service == "app" {
			// More failures than the project allows.
			waitUntil(ctx, t, func() bool {
				return regexp.MustCompile(`^([4-9]|\d\d+)$`).MatchString(health("{{.State.Health.FailingStreak}}"))
			})
			if got := health("{{.State.Health.Status}} {{.RestartCount}}"); got != "healthy 0" {
				t.Errorf("while it is stopped, app is %q", got)
			}
		}
		breakpoints, err := d.ListBreakpoints(false)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range breakpoints {
			if b.ID > 0 {
				if _, err := d.ClearBreakpoint(b.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := d.Disconnect(true); err != nil {
			t.Fatal(err)
		}
		if err := page(ctx); err != nil {
			t.Errorf("%s does not go on: %v", s.Service, err)
		}
	}
	waitUntil(ctx, t, func() bool { return health("{{.State.Health.FailingStreak}}") == "0" })
}

// waitUntil asks again until something is so.
func waitUntil(ctx context.Context, t *testing.T, so func() bool) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		}
	}
}
