//go:build !race

// Each call starts the test program, which takes long with the detector.

package cli_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// debugBench is a service that runs from its production image, whose debug images are in its
// registry.
type debugBench struct {
	reg    *testenv.Registry
	engine *testenv.Docker

	// folder has the sources and a compose file.
	folder string
	env    []string
	app    *testenv.Container
	page   string
}

// greetingLine is where the handler of hello answers.
const greetingLine = 24

func newDebugBench(t *testing.T) *debugBench {
	t.Helper()
	b := &debugBench{reg: needBuildKit(t)}
	testenv.Require(t, testenv.NeedDocker)
	b.engine = testenv.SharedDocker(t)
	dlv, err := testenv.Program(t.Context(), "dlv")
	if err != nil {
		t.Fatal(err)
	}
	b.folder = testenv.Service(t, "hello")
	b.env = append(os.Environ(), callEnv+"=1", "DOCKER_HOST="+b.engine.Host, "XDG_CACHE_HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir(),
		"PATH="+filepath.Dir(dlv)+":"+os.Getenv("PATH"), "TERM=dumb", "BUILDKIT_HOST="+testenv.SharedBuildKit(t).Addr, "KUBECONFIG=/nonexistent/kubeconfig")
	if err := os.WriteFile(filepath.Join(b.folder, "compose.yaml"), []byte("name: shop\nservices:\n  web: {image: hello}\n  idle: {image: hello}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.solve(t, "v1")
	mustBuild(t, "-t", b.ref("v1"), "--variant", "remote,attach,sidecar", "--push", b.folder)
	b.app = b.run(t, "--label", "com.docker.compose.project=shop", "--label", "com.docker.compose.service=web", "--name", "shop-web-1", b.ref("v1"))
	b.page = b.url(t, b.app)
	t.Cleanup(func() { // an engine that ran before keeps its other images
		for _, tag := range []string{"v1", "v2", "v1-debug", "v1-debug-attach", "v1-debug-sidecar"} {
			_, _ = b.engine.CLI(context.Background(), "image", "rm", "--force", b.ref(tag))
		}
	})
	return b
}

func (b *debugBench) ref(tag string) string { return b.reg.Ref("debug/hello:" + tag) }

// solve builds and pushes production.
func (b *debugBench) solve(t *testing.T, tag string) {
	t.Helper()
	if solved, err := testenv.SharedBuildKit(t).Solve(proctest.Context(t), testenv.Solve{Context: b.folder, Push: b.ref(tag)}); err != nil {
		t.Fatalf("%v\n%s", err, solved.Log)
	}
}

// run starts a container that has its page published.
func (b *debugBench) run(t *testing.T, args ...string) *testenv.Container {
	t.Helper()
	return b.engine.Run(t, append([]string{"--publish", "127.0.0.1::12345"}, args...)...)
}

func (b *debugBench) url(t *testing.T, c *testenv.Container) string {
	t.Helper()
	addr, err := c.Addr(proctest.Context(t), 12345)
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + addr + "/"
}

// answers asks for a page.
func answers(t *testing.T, page string) {
	t.Helper()
	if got, err := testenv.Get(proctest.Context(t), page); err != nil || got != "Hello, world!\n" {
		t.Errorf("the page is %q, %v", got, err)
	}
}

// asking asks for a page in the background.
func asking(t *testing.T, page string) <-chan string {
	t.Helper()
	answer := make(chan string, 1)
	go func() {
		got, err := testenv.Get(proctest.Context(t), page)
		if err != nil {
			got = err.Error()
		}
		answer <- got
	}()
	return answer
}

// has lists what the engine has: containers with their states, and networks.
func (b *debugBench) has(t *testing.T) []string {
	t.Helper()
	ctx := context.Background() // the test's has ended when it is cleaned up
	containers, err := b.engine.CLI(ctx, "ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.State}}")
	if err != nil {
		t.Fatal(err)
	}
	networks, err := b.engine.CLI(ctx, "network", "ls", "--format", "{{.Name}}")
	if err != nil {
		t.Fatal(err)
	}
	list := strings.Fields(strings.ReplaceAll(containers, " ", "/") + networks)
	slices.Sort(list)
	return list
}

// leavesNothing compares what the engine has at the end of the test with now.
func (b *debugBench) leavesNothing(t *testing.T) {
	t.Helper()
	before := b.has(t)
	t.Cleanup(func() {
		if after := b.has(t); !slices.Equal(before, after) {
			t.Errorf("the engine has\n%s\nbefore it was\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
		}
	})
}

// debugCall is a `dlvgen debug` or `dlvgen watch` that runs.
type debugCall struct {
	cmd            *exec.Cmd
	in             io.WriteCloser
	stdout, stderr proctest.Output
	ended          chan struct{}
}

func (b *debugBench) start(t *testing.T, args ...string) *debugCall {
	t.Helper()
	return startCall(t, b.folder, b.env, append([]string{"debug"}, args...)...)
}

// startCall starts a dlvgen in a folder, which is killed at the end of the test.
func startCall(t *testing.T, folder string, env []string, args ...string) *debugCall {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &debugCall{cmd: exec.CommandContext(proctest.Context(t), self, args...), ended: make(chan struct{})}
	c.cmd.Dir, c.cmd.Env, c.cmd.Stdout, c.cmd.Stderr = folder, env, &c.stdout, &c.stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = c.cmd.Wait()
		close(c.ended)
	}()
	t.Cleanup(func() {
		select {
		case <-c.ended:
		default:
			_ = c.cmd.Process.Kill()
			<-c.ended
		}
		if t.Failed() {
			t.Logf("dlvgen %q printed\n%s\nand on stderr\n%s", args, c.stdout.String(), c.stderr.String())
		}
	})
	return c
}

// says waits until the output has a text.
func (c *debugCall) says(t *testing.T, out *proctest.Output, text string) {
	t.Helper()
	for !strings.Contains(out.String(), text) {
		select {
		case <-c.ended:
			if !strings.Contains(out.String(), text) {
				t.Fatalf("dlvgen has ended without %q", text)
			}
		case <-proctest.Context(t).Done():
			t.Fatalf("dlvgen does not say %q", text)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// prints waits until the session has begun and the output is a whole JSON text: the two outputs
// are read apart.
func (c *debugCall) prints(t *testing.T, v any) {
	t.Helper()
	c.says(t, &c.stderr, "Ctrl-C ends the session")
	c.says(t, &c.stdout, "\n}\n")
	if err := json.Unmarshal([]byte(c.stdout.String()), v); err != nil {
		t.Fatalf("%v in %s", err, c.stdout.String())
	}
}

func (c *debugCall) types(t *testing.T, lines ...string) {
	t.Helper()
	if _, err := io.WriteString(c.in, strings.Join(lines, "\n")+"\n"); err != nil {
		t.Fatal(err)
	}
}

// end signals the call, unless that is 0, and waits for its end.
func (c *debugCall) end(t *testing.T, signal syscall.Signal, code int) {
	t.Helper()
	if signal != 0 {
		if err := c.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-c.ended:
	case <-proctest.Context(t).Done():
		t.Fatal("dlvgen does not end")
	}
	if got := c.cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("exit code %d, want %d", got, code)
	}
}

// editor is a session for an editor that has begun, with the address and the path rules that
// it prints.
func (b *debugBench) editor(t *testing.T, args ...string) (c *debugCall, addr string, paths map[string]string) {
	t.Helper()
	c = b.start(t, append(args, "--for", "vscode")...)
	var launch struct {
		Configurations []struct {
			Host           string
			Port           int
			SubstitutePath []struct{ From, To string }
		}
	}
	if c.prints(t, &launch); len(launch.Configurations) != 1 {
		t.Fatalf("%+v", launch)
	}
	one := launch.Configurations[0]
	paths = map[string]string{}
	for _, rule := range one.SubstitutePath {
		paths[strings.ReplaceAll(rule.From, "${workspaceFolder}", b.folder)] = rule.To
	}
	return c, net.JoinHostPort(one.Host, strconv.Itoa(one.Port)), paths
}

func TestDebugWhatRuns(t *testing.T) {
	b := newDebugBench(t)
	t.Run("at Delve's prompt", b.prompt)
	t.Run("with an editor, after a session that was killed", b.dap)
	t.Run("in its place", b.replaces)
	t.Run("in its place, killed", b.replacesKilled)
	t.Run("with the debugger that it has", b.connects)
	t.Run("an image", b.image)
	t.Run("built first", b.built)
	t.Run("refusals", b.refusals)
	t.Run("where a profile of seccomp has no ptrace", b.forbidden)
}

// prompt has the client leave the program at a breakpoint of production's own binary.
func (b *debugBench) prompt(t *testing.T) {
	b.leavesNothing(t)
	c := b.start(t, "web")
	c.says(t, &c.stderr, "the program stands still while the prompt waits")
	c.types(t, "break main.handler")
	c.says(t, &c.stdout, "Breakpoint 1 set at")
	c.types(t, "continue")
	answer := asking(t, b.page)
	c.says(t, &c.stdout, "> [Breakpoint 1] main.handler() ")
	c.says(t, &c.stdout, "=>")
	c.types(t, "exit", "n")
	c.end(t, 0, cli.ExitOK)
	if got := <-answer; got != "Hello, world!\n" {
		t.Errorf("the page is %q", got)
	}
	for _, want := range []string{"func handler(w http.ResponseWriter", b.folder + "/main.go"} {
		if !strings.Contains(strings.ReplaceAll(c.stdout.String(), "./main.go", b.folder+"/main.go"), want) {
			t.Errorf("the prompt shows no %q", want)
		}
	}
	answers(t, b.page)
}

// dap debugs as an editor does, beside what a killed session has left.
func (b *debugBench) dap(t *testing.T) {
	b.leavesNothing(t)
	ctx := proctest.Context(t)
	killed, _, _ := b.editor(t, "compose:web")
	killed.end(t, syscall.SIGKILL, -1)

	c, addr, paths := b.editor(t, "compose:web")
	if want := "a session with shop-web-1 was killed: undoing what it has left"; !strings.Contains(c.stderr.String(), want) {
		t.Errorf("dlvgen does not say %q", want)
	}
	d, err := testenv.ConnectDAP(ctx, addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Attach(ctx, paths), d.BreakAtLines(ctx, filepath.Join(b.folder, "main.go"), greetingLine), d.Configured(ctx)); err != nil {
		t.Fatal(err)
	}
	answer := asking(t, b.page)
	stopped, err := d.Stopped(ctx)
	if err != nil {
		t.Fatal(err)
	}
	stack, err := d.Stack(ctx, stopped.Body.ThreadId)
	if err != nil {
		t.Fatal(err)
	}
	if top := stack[0]; top.Source.Path != filepath.Join(b.folder, "main.go") || top.Line != greetingLine {
		t.Errorf("stopped at %s:%d", top.Source.Path, top.Line)
	}
	// The client dies at the breakpoint.
	if err := d.Disconnect(ctx, false); err != nil {
		t.Fatal(err)
	}
	c.end(t, syscall.SIGINT, cli.ExitOK)
	if got := <-answer; got != "Hello, world!\n" {
		t.Errorf("the page is %q", got)
	}
	answers(t, b.page)
}

// hits stops at the handler with Delve's own protocol, and disconnects there. The answer comes
// when the program goes on.
func hits(t *testing.T, addr, page string) (answer <-chan string) {
	t.Helper()
	ctx := proctest.Context(t)
	d, err := testenv.ConnectDelve(ctx, addr)
	if err != nil {
		t.Fatal(err)
	}
	state, err := d.GetStateNonBlocking()
	if err != nil {
		t.Fatal(err)
	}
	if state.Running {
		if _, err := d.Halt(); err != nil {
			t.Fatal(err)
		}
	}
	begun := make(chan (<-chan string), 1)
	hit, err := d.HitFunction(ctx, "main.handler", func(context.Context) error {
		begun <- asking(t, page)
		return nil
	})
	if err != nil || filepath.Base(hit.CurrentThread.File) != "main.go" {
		t.Fatalf("%+v, %v", hit, err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return <-begun
}

// settled is a container whose place is taken: in a network of its own, with a volume that has
// no name.
func (b *debugBench) settled(t *testing.T, name string) *testenv.Container {
	t.Helper()
	ctx := proctest.Context(t)
	if _, err := b.engine.CLI(ctx, "network", "create", name+"-net"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = b.engine.CLI(context.Background(), "network", "rm", name+"-net") })
	port := fmt.Sprintf("127.0.0.1:%d:12345", testenv.FreePort(t))
	c := b.engine.Run(t, "--name", name, "--network", name+"-net", "--network-alias", "hello", "--volume", "/data", "--env", "A=b c", "--read-only", "--publish", port, b.ref("v1"))
	answers(t, b.url(t, c))
	return c
}

// configured is what a container has of what it was started with.
func (b *debugBench) configured(t *testing.T, name string) string {
	t.Helper()
	out, err := b.engine.CLI(proctest.Context(t), "inspect", "--format",
		`{{range .Config.Env}}{{if eq . "A=b c"}}{{.}}{{end}}{{end}} {{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{range $k, $n := .NetworkSettings.Networks}}{{$k}} {{index $n.Aliases 0}}{{end}} {{range .Mounts}}{{.Name}} {{.Destination}}{{end}} {{(index (index .NetworkSettings.Ports "12345/tcp") 0).HostPort}}`, name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

func (b *debugBench) replaces(t *testing.T) {
	original := b.settled(t, "debug-replaced")
	b.leavesNothing(t)
	page, before := b.url(t, original), b.configured(t, original.ID)
	c, addr, _ := b.editor(t, "debug-replaced", "--replace")
	if got := b.configured(t, "debug-replaced"); got != before {
		t.Errorf("the replacement is configured as\n%s\nand the original as\n%s", got, before)
	}
	if out, err := b.engine.CLI(proctest.Context(t), "inspect", "--format", "{{.Id}}", "debug-replaced"); err != nil || strings.TrimSpace(out) == original.ID {
		t.Errorf("the original is in its own place: %v", err)
	}
	answer := hits(t, addr, page)
	c.end(t, syscall.SIGTERM, cli.ExitOK)
	<-answer // it was the replacement's
	answers(t, page)
	if got := b.configured(t, original.ID); got != before {
		t.Errorf("the original is configured as\n%s\nbefore it was\n%s", got, before)
	}
}

// replacesKilled has the next call put the original back.
func (b *debugBench) replacesKilled(t *testing.T) {
	original := b.settled(t, "debug-killed")
	b.leavesNothing(t)
	c, _, _ := b.editor(t, "debug-killed", "--replace")
	c.end(t, syscall.SIGKILL, -1)
	r := b.call(t, "debug-killed", "--program", "nothing")
	if r.code != cli.ExitFailure || !strings.Contains(r.stderr, "a session with debug-killed was killed") || !strings.Contains(r.stderr, "debug-killed has no such process") {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
	answers(t, b.url(t, original))
}

// connects has the containers of debug images go on.
func (b *debugBench) connects(t *testing.T) {
	for _, c := range []*testenv.Container{
		b.run(t, "--publish", "127.0.0.1::8000", "--env", "DLVGEN_START=continue", b.ref("v1-debug")),
		b.run(t, b.ref("v1-debug-attach")),
	} {
		before, page := b.has(t), b.url(t, c)
		call, addr, _ := b.editor(t, c.ID)
		answer := hits(t, addr, page)
		call.end(t, syscall.SIGHUP, cli.ExitOK)
		if got := <-answer; got != "Hello, world!\n" {
			t.Errorf("the page is %q", got)
		}
		answers(t, page)
		if after := b.has(t); !slices.Equal(before, after) {
			t.Errorf("the engine has %q, before it was %q", after, before)
		}
	}
}

// image runs it, and stops before its first instruction.
func (b *debugBench) image(t *testing.T) {
	b.leavesNothing(t)
	call := b.start(t, b.ref("v1"), "--format", "json")
	var got struct {
		Way, Host string
		Port      int
	}
	if call.prints(t, &got); got.Way != "run" {
		t.Fatalf("%+v", got)
	}
	d, err := testenv.ConnectDelve(proctest.Context(t), net.JoinHostPort(got.Host, strconv.Itoa(got.Port)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.HitFunction(proctest.Context(t), "main.main", func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	call.end(t, syscall.SIGINT, cli.ExitOK)
}

// built makes the sidecar of what runs from its sources, without a registry.
func (b *debugBench) built(t *testing.T) {
	b.leavesNothing(t)
	if _, err := b.engine.CLI(proctest.Context(t), "image", "rm", "--force", b.ref("v1-debug-sidecar")); err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{{"--build"}, {"--derive", "--source", "."}} {
		call, addr, _ := b.editor(t, append([]string{"web"}, flags...)...)
		if want := "the debug image is " + b.ref("v1-debug-sidecar") + ": it was built just now"; !strings.Contains(call.stderr.String(), want) {
			t.Errorf("%q: dlvgen does not say %q", flags, want)
		}
		answer := hits(t, addr, b.page)
		call.end(t, syscall.SIGINT, cli.ExitOK)
		if got := <-answer; got != "Hello, world!\n" {
			t.Errorf("%q: the page is %q", flags, got)
		}
	}
}

// call runs `dlvgen debug` to its end.
func (b *debugBench) call(t *testing.T, args ...string) ran {
	t.Helper()
	c := b.start(t, args...)
	if err := c.in.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.ended:
	case <-proctest.Context(t).Done():
		t.Fatalf("dlvgen debug %q does not end", args)
	}
	return ran{c.cmd.ProcessState.ExitCode(), c.stdout.String(), c.stderr.String()}
}

func (b *debugBench) refusals(t *testing.T) {
	ctx := proctest.Context(t)
	busybox := b.reg.Ref("library/busybox:latest")
	b.run(t, "--name", "debug-shell", busybox, "sleep", "1000")
	b.run(t, "--name", "debug-twice", "--pid", "container:"+b.app.ID, b.ref("v1"))
	stopped := b.run(t, "--name", "debug-stopped", b.ref("v1"))
	if _, err := stopped.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	b.run(t, "--name", "debug-passing", "--rm", b.ref("v1"))
	b.run(t, "--name", "debug-shop-2", "--label", "com.docker.compose.project=other", "--label", "com.docker.compose.service=db", b.ref("v1"))
	main := filepath.Join(b.folder, "main.go")
	text, err := os.ReadFile(main)
	if err == nil {
		err = os.WriteFile(main, []byte(strings.ReplaceAll(string(text), "shutting down", "going down")), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.solve(t, "v2")
	b.run(t, "--name", "debug-newer", b.ref("v2"))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b.leavesNothing(t)
	sidecar := []string{"--image", b.ref("v1-debug-sidecar")}
	for want, args := range map[string][]string{
		"the container debug-stopped does not run, its state is exited":   {"debug-stopped"},
		"no cluster is configured in /nonexistent/kubeconfig":             {"pod/app"},
		"there is no sidecar image of " + busybox:                         {"debug-shell"},
		"debug-shell runs no Go program":                                  append([]string{"debug-shell"}, sidecar...),
		"several processes of debug-twice may be meant":                   {"debug-twice"},
		"was started with --rm":                                           {"debug-passing", "--replace"},
		"they belong to ":                                                 append([]string{"debug-newer"}, sidecar...),
		"the port " + port + " of this machine is taken":                  {"web", "--port", port},
		"is a debug image of the kind remote":                             {"web", "--image", b.ref("v1-debug")},
		"is no debug image of dlvgen":                                     {"web", "--image", busybox},
		"no container is of a service idle":                               {"idle"},
		"has no container of the service db, and others have":             {"compose:db"},
		"--start is for a program that is started":                        {"web", "--start", "hold"},
		"--pid and --program are for a debugger beside":                   {"web", "--replace", "--pid", "1"},
		`"a\nb" is no container`:                                          {"a\nb"},
		"is no container, not a service of " + b.folder + "/compose.yaml": {"nothing-of-this-name"},
	} {
		r := b.call(t, args...)
		if r.code != cli.ExitFailure || r.stdout != "" || !strings.Contains(r.stderr, want) {
			t.Errorf("%q: exit code %d, stdout %q, stderr lacks %q:\n%s", args, r.code, r.stdout, want, r.stderr)
		}
	}
	b.dryRuns(t)
	answers(t, b.page)
}

// forbidden is on an engine whose containers may not trace: that is said, and the program runs on.
func (b debugBench) forbidden(t *testing.T) {
	const profile = `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["ptrace"],"action":"SCMP_ACT_ERRNO"}]}`
	file := filepath.Join(t.TempDir(), "seccomp.json")
	if err := os.WriteFile(file, []byte(profile), 0o600); err != nil {
		t.Fatal(err)
	}
	engine, err := testenv.StartOwnDocker(proctest.Context(t), fmt.Sprintf(`{"seccomp-profile":%q}`, file))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	b.engine, b.env = engine, append(slices.Clone(b.env), "DOCKER_HOST="+engine.Host)
	app := b.run(t, "--name", "debug-profiled", b.ref("v1"))
	b.leavesNothing(t)
	r := b.call(t, "debug-profiled")
	for _, want := range []string{
		"the kernel forbids the debugger to attach to the program of debug-profiled: see what can forbid it below, or run a debug image in its place with --replace",
		"Could not attach to pid 1: ", "a profile of Docker Engine without ptrace",
	} {
		if r.code != cli.ExitFailure || r.stdout != "" || !strings.Contains(r.stderr, want) {
			t.Errorf("exit code %d, stdout %q, stderr lacks %q:\n%s", r.code, r.stdout, want, r.stderr)
		}
	}
	answers(t, b.url(t, app))
}

// dryRuns prints the commands, which start nothing.
func (b *debugBench) dryRuns(t *testing.T) {
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"web", "--dry-run"}, []string{
			"docker run -d --name dlvgen-debug --pid container:shop-web-1 --cap-add SYS_PTRACE -p 127.0.0.1:8000:8000 ", "dlv connect 127.0.0.1:8000", "docker stop dlvgen-debug\n"}},
		{[]string{"web", "--dry-run", "--replace"}, []string{"docker stop shop-web-1\n", "docker rename shop-web-1 shop-web-1-production\n", "-e DLVGEN_START=continue", "docker start shop-web-1\n"}},
		{[]string{b.ref("v1"), "--dry-run"}, []string{"docker run --rm -d --name dlvgen-debug -p 127.0.0.1:8000:8000"}},
	} {
		r := b.call(t, test.args...)
		for _, want := range test.want {
			if r.code != cli.ExitOK || !strings.Contains(r.stdout, want) {
				t.Errorf("%q: exit code %d, stdout lacks %q:\n%s%s", test.args, r.code, want, r.stdout, r.stderr)
			}
		}
	}
}
