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
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// ordinaryUser is the id of somebody who is in the group of those who may use Docker.
const ordinaryUser = 20001

// ticking is a program that needs little of the standard library: each builder compiles it
// anew.
const ticking = `package main

import "time"

func tick(n int) int {
	next := n + 1
	return next
}

func main() {
	for n := 0; ; n = tick(n) {
		time.Sleep(10 * time.Millisecond)
	}
}
`

// user is somebody who calls dlvgen, in a folder with a service.
type user struct {
	home, service, program string
	group                  uint32 // of the engine's socket
}

// newUser makes the folders of the ordinary user.
func newUser(t *testing.T, reg *testenv.Registry, engine *testenv.Docker) user {
	t.Helper()
	info, err := os.Stat(strings.TrimPrefix(engine.Host, "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	socket, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.Mode().Perm()&0o060 != 0o060 {
		t.Fatalf("the engine's socket has mode %s", info.Mode())
	}
	home, err := os.MkdirTemp("", "dlvgen-home-*") //nolint:usetesting // t.TempDir is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	u := user{home: home, service: filepath.Join(home, "service"), program: filepath.Join(home, "dlvgen"), group: socket.Gid}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod":  "module example.com/ticking\n\ngo 1.26\n",
		"main.go": ticking,
		"Dockerfile": fmt.Sprintf("FROM %s AS build\nWORKDIR /src\nCOPY . .\nRUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /ticking .\n"+
			"FROM scratch\nCOPY --from=build /ticking /ticking\nENTRYPOINT [\"/ticking\"]\n", goWithoutC(t, reg)),
	} {
		if err := os.MkdirAll(u.service, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(u.service, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("cp", self, u.program).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := exec.Command("chown", "-R", fmt.Sprint(ordinaryUser), home).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return u
}

// goWithoutC is an image of the Go toolchain that is unpacked in a second.
func goWithoutC(t *testing.T, reg *testenv.Registry) string {
	t.Helper()
	ctx := proctest.Context(t)
	small, err := reg.Image(ctx, "library/busybox:latest")
	if err != nil {
		t.Fatal(err)
	}
	golang, err := reg.Image(ctx, "library/golang:1.26")
	if err != nil {
		t.Fatal(err)
	}
	layers, err := golang.Layers()
	if err != nil {
		t.Fatal(err)
	}
	config, err := golang.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	// The last one is the compiled standard library, before it is the toolchain.
	if small, err = mutate.AppendLayers(small, layers[len(layers)-2:]...); err != nil {
		t.Fatal(err)
	}
	if small, err = mutate.Config(small, config.Config); err != nil {
		t.Fatal(err)
	}
	if _, err := reg.Push(ctx, "cli/go:1.26", small); err != nil {
		t.Fatal(err)
	}
	return reg.Ref("cli/go:1.26")
}

// calls runs dlvgen in the service's folder with an environment of its own.
func (u user) calls(t *testing.T, asRoot bool, env []string, args ...string) ran {
	t.Helper()
	cmd := exec.CommandContext(proctest.Context(t), u.program, args...)
	cmd.Dir = u.service
	cmd.Env = append([]string{callEnv + "=1", "HOME=" + u.home, "PATH=" + os.Getenv("PATH")}, env...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if !asRoot {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinaryUser, Gid: ordinaryUser, Groups: []uint32{u.group}}}
	}
	_ = cmd.Run()
	return ran{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// TestTheSameCommandLineOnEveryBuilder has the builder found by itself, and stops each variant
// of what it made at a breakpoint.
func TestTheSameCommandLineOnEveryBuilder(t *testing.T) {
	t.Parallel()
	reg := needBuildKit(t)
	testenv.Require(t, testenv.NeedDocker|testenv.NeedRoot)
	engine, bk := testenv.SharedDocker(t), testenv.SharedBuildKit(t)
	u := newUser(t, reg, engine)
	docker := "DOCKER_HOST=" + engine.Host
	for _, on := range []struct {
		name, ref string
		root      bool
		env       []string
		said      string
	}{
		{"Docker Engine", "any/docker:v1", false, []string{docker}, "building on Docker Engine's builder (context default, " + engine.Host + ")"},
		{"an address", "any/buildkit:v1", true, []string{"BUILDKIT_HOST=" + bk.Addr}, ""},
		{"remote", "any/buildkit:v1", true, u.buildx(t, "--driver", "remote", "--name", "far", bk.Addr), "building on the buildx builder far (remote)"},
		{"docker-container", "any/buildkit:v1", false, u.boxed(t, engine, bk), "building on the buildx builder boxed (docker-container)"},
		{"the child", "any/child:v1", true, u.child(t), "starting BuildKit"},
	} {
		t.Run(on.name, func(t *testing.T) {
			if on.ref != "any/buildkit:v1" { // three ways to one, after another
				t.Parallel()
			}
			before, err := reg.Digest(proctest.Context(t), on.ref+"-debug")
			if err != nil {
				t.Fatal(err)
			}
			r := u.calls(t, on.root, on.env, "build", "--progress", "plain", "-t", reg.Ref(on.ref), "--variant", "all", "--push", ".")
			if r.code != cli.ExitOK || !strings.Contains(r.stderr, on.said) {
				t.Fatalf("exit code %d, stderr lacks %q:\n%s", r.code, on.said, r.stderr)
			}
			images := strings.Fields(r.stdout)
			if len(images) != 4 || !strings.HasPrefix(images[0], reg.Ref(on.ref)+"-debug@sha256:") {
				t.Fatalf("stdout has %q", images)
			}
			for _, image := range images {
				tag, digest, _ := strings.Cut(strings.TrimPrefix(image, reg.Host+"/"), "@")
				if got := digestOf(t, reg, tag); got != digest {
					t.Errorf("%s names %s, and %s was printed", tag, got, digest)
				}
			}
			if before != "" && strings.HasSuffix(images[0], before) {
				return // what another way to the same BuildKit made, which was debugged
			}
			stopAtBreakpoints(t, engine, images)
		})
	}
}

// buildx is the environment with a builder of buildx's that it has made and uses.
func (u user) buildx(t *testing.T, args ...string) []string {
	t.Helper()
	program, err := testenv.Program(t.Context(), "docker-buildx")
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"BUILDX_CONFIG=" + filepath.Join(u.home, args[len(args)-2]), "DOCKER_HOST=" + testenv.SharedDocker(t).Host}
	cmd := exec.CommandContext(proctest.Context(t), program, append([]string{"create", "--use"}, args...)...)
	cmd.Env = append([]string{"HOME=" + u.home}, env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := exec.Command("chown", "-R", fmt.Sprint(ordinaryUser), u.home).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return env
}

// boxed is the environment with a builder in a container, as buildx starts them, but for its
// buildkitd: that is the shared one, whose socket the container has.
func (u user) boxed(t *testing.T, engine *testenv.Docker, bk *testenv.BuildKit) []string {
	t.Helper()
	buildctl, err := testenv.Program(t.Context(), "buildctl")
	if err != nil {
		t.Fatal(err)
	}
	engine.Run(t, "--name", "buildx_buildkit_boxed0",
		"--volume", buildctl+":/bin/buildctl:ro",
		"--volume", filepath.Dir(strings.TrimPrefix(bk.Addr, "unix://"))+":/run/buildkit",
		testenv.SharedRegistry(t).Ref("library/busybox:latest"), "sleep", "3600")
	return u.buildx(t, "--driver", "docker-container", "--node", "boxed0", "--name", "boxed", "default")
}

// child is an environment without any builder, in which dlvgen starts its own. It is stopped
// when the test ends.
func (u user) child(t *testing.T) []string {
	t.Helper()
	program, err := testenv.Program(t.Context(), "buildkitd")
	if err != nil {
		t.Fatal(err)
	}
	env := []string{
		"DOCKER_HOST=unix://" + filepath.Join(u.home, "none.sock"),
		"XDG_CACHE_HOME=" + filepath.Join(u.home, "cache"), "XDG_RUNTIME_DIR=" + filepath.Join(u.home, "run"),
		"PATH=" + filepath.Dir(program) + ":" + os.Getenv("PATH"),
	}
	// A mount, no link: BuildKit takes no path that leads over one.
	state, root := testenv.State(t), filepath.Join(u.home, "cache", "dlvgen", "buildkit", "root")
	if err := errors.Join(os.MkdirAll(root, 0o700), syscall.Mount(state, root, "", syscall.MS_BIND, "")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(root, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cmd := exec.Command(u.program, "buildkit", "stop")
		cmd.Env = append([]string{callEnv + "=1", "HOME=" + u.home}, env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("stopping the child: %v: %s", err, out)
		}
	})
	return env
}

// stopAtBreakpoints runs what was pushed, by variant, and stops it where it ticks.
func stopAtBreakpoints(t *testing.T, engine *testenv.Docker, images []string) {
	t.Helper()
	ctx := proctest.Context(t)
	t.Cleanup(func() { // an engine that ran before keeps its other images
		if _, err := engine.CLI(context.Background(), append([]string{"image", "rm", "--force"}, images...)...); err != nil {
			t.Error(err)
		}
	})
	debuggedAt := func(halt bool, options ...string) {
		t.Helper()
		c := engine.Run(t, append([]string{"--publish", "127.0.0.1::8000"}, options...)...)
		addr, err := c.Addr(ctx, 8000)
		if err != nil {
			t.Fatal(err)
		}
		d, err := testenv.ConnectDelve(ctx, addr)
		if err != nil {
			t.Fatal(err)
		}
		for running := !halt; !running; { // Delve takes breakpoints while a program stands still
			state, err := d.GetStateNonBlocking()
			if err != nil {
				t.Fatal(err)
			}
			if running = state.Running; running {
				if _, err := d.Halt(); err != nil {
					t.Fatal(err)
				}
			}
		}
		state, err := d.HitFunction(ctx, "main.tick", func(context.Context) error { return nil })
		if err != nil {
			t.Fatalf("%s: %v", options[len(options)-1], err)
		}
		if got := filepath.Base(state.CurrentThread.File); got != "main.go" {
			t.Errorf("%s: stopped in %s", options[len(options)-1], got)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	debuggedAt(false, images[0])
	debuggedAt(false, images[1])
	app := engine.Run(t, images[2])
	cmd := engine.Command(ctx, "exec", "--interactive", app.ID, "/dlv", "attach", "1", "--allow-non-terminal-interactive=true")
	cmd.Stdin = strings.NewReader("break main.tick\ncontinue\nprint n\nclearall\nexit\nn\n")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "> [Breakpoint 1] main.tick() ") {
		t.Errorf("%s: %v\n%s", images[2], err, out)
	}
	debuggedAt(true, "--pid", "container:"+app.ID, "--cap-add", "SYS_PTRACE", images[3])
}

// TestDockerEnginesOwnBuilder has one that can push nothing by digest, and write no image to
// a file: what is not ours is kept, what cannot be done is refused, the rest is done.
func TestDockerEnginesOwnBuilder(t *testing.T) {
	reg := needBuildKit(t)
	testenv.Require(t, testenv.NeedDocker|testenv.NeedRoot)
	engine, ctx := testenv.SharedDocker(t), proctest.Context(t)
	u := newUser(t, reg, engine)
	run := func(args ...string) string {
		t.Helper()
		out, err := engine.CLI(ctx, args...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
	build := func(args ...string) ran {
		return u.calls(t, true, []string{"DOCKER_HOST=" + engine.Host}, append([]string{"build", "--progress", "plain"}, args...)...)
	}
	foreign, err := reg.Image(ctx, "library/busybox:latest")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reg.Push(ctx, "kept/app:v1-debug", foreign); err != nil {
		t.Fatal(err)
	}
	refused(t, build("-t", reg.Ref("kept/app:v1"), "--push", "."), cli.ExitFailure, "kept/app:v1-debug", "not made by dlvgen")
	importEmpty(t, engine, "dlvgen-kept:v1-debug")
	t.Cleanup(func() { _, _ = engine.CLI(context.Background(), "image", "rm", "--force", "dlvgen-kept:v1-debug") })
	for _, output := range []string{"--load", "--output=type=image"} {
		refused(t, build("-t", "dlvgen-kept:v1", output, "."), cli.ExitFailure, "dlvgen-kept:v1-debug", "not made by dlvgen")
	}
	for output, what := range map[string]string{
		"type=oci,dest=" + u.home + "/app.tar":        "layout of OCI",
		"type=image,push=true,compression=zstd":       "compression=zstd",
		"type=image,push=true,annotation.of=somebody": "annotation.of=somebody",
	} {
		refused(t, build("-t", reg.Ref("kept/other:v1"), "-o", output, "."), cli.ExitFailure, what, "containerd image store", "--builder")
	}
	refused(t, build("-t", reg.Ref("kept/other:v1"), "--push", "--platform", "linux/amd64,linux/arm64", "."), cli.ExitFailure, "several platforms", "--builder")
	reg.Lacks(t, "kept/other:v1-debug")

	if r := u.calls(t, true, []string{"DOCKER_HOST=" + engine.Host}, "builders"); !regexp.MustCompile(`(?m)^default \*\s+docker\s+running\s+v\d`).MatchString(r.stdout) {
		t.Errorf("the list of builders is\n%s%s", r.stdout, r.stderr)
	}
	for range 2 { // the second time over what is ours
		if r := build("-t", "dlvgen-own:v1", "--load", "."); r.code != cli.ExitOK {
			t.Fatalf("exit code %d\n%s", r.code, r.stderr)
		}
	}
	t.Cleanup(func() { _, _ = engine.CLI(context.Background(), "image", "rm", "--force", "dlvgen-own:v1-debug") })
	if version := run("image", "inspect", "--format", `{{index .Config.Labels "`+variants.LabelVersion+`"}}`, "dlvgen-own:v1-debug"); version == "" {
		t.Error("the image that the engine has is not dlvgen's")
	}

	// Nothing is left in the engine of what was pushed.
	unnamed := func() []string {
		ids := strings.Fields(run("images", "--quiet", "--filter", "dangling=true"))
		slices.Sort(ids)
		return ids
	}
	before := unnamed()
	if r := build("-t", reg.Ref("kept/other:v1"), "--push", "."); r.code != cli.ExitOK {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	if after := unnamed(); !slices.Equal(after, before) {
		t.Errorf("the engine has the images without a name %q, before %q", after, before)
	}
	if out, err := engine.CLI(ctx, "image", "inspect", reg.Ref("kept/other:v1-debug")); err == nil {
		t.Errorf("the engine has an image of the name that was pushed: %s", out)
	}
	file := filepath.Join(u.home, "app.tar")
	if r := build("-t", reg.Ref("kept/other:v1"), "-o", "type=docker,dest="+file, "--push", "."); r.code != cli.ExitOK {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	if got := run("load", "--input", file); !strings.Contains(got, reg.Ref("kept/other:v1-debug")) {
		t.Errorf("the file has %q", got)
	}
	t.Cleanup(func() {
		_, _ = engine.CLI(context.Background(), "image", "rm", "--force", reg.Ref("kept/other:v1-debug"))
	})
}
