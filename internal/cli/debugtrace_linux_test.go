//go:build !race

// Each call starts the test program, which takes long with the detector.

package cli_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/delverpc"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/internal/trace"
)

func TestDebugWithoutStoppingTheProgram(t *testing.T) {
	b := newDebugBench(t)
	t.Run("a trace", b.traces)
	t.Run("a trace of each way", b.tracesEachWay)
	t.Run("a trace that is killed", b.traceKilled)
	t.Run("refusals of a trace", b.traceRefusals)
	t.Run("a logpoint", b.logpoint)
	t.Run("what Stop does", b.stops)
}

// traces prints the calls of production's own binary, as text and for scripts.
func (b *debugBench) traces(t *testing.T) {
	b.leavesNothing(t)
	c := b.start(t, "web", "--trace", "main.handler,net/http.Error")
	c.says(t, &c.stderr, "tracing 2 functions of shop-web-1")
	answers(t, b.page)
	c.says(t, &c.stdout, "returned")
	answers(t, b.page)
	c.end(t, syscall.SIGINT, cli.ExitOK)
	if got := c.stdout.String(); !regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{6} goroutine \d+: main\.handler\(w = .*, r = \*net/http\.Request \{Method: "GET", .*\)\n\d\d:\d\d:\d\d\.\d{6} goroutine \d+: main\.handler returned \(\) after .*s\n`).MatchString(got) {
		t.Errorf("it prints\n%s", got)
	}
	if !strings.Contains(c.stderr.String(), "the program is optimized") {
		t.Error("it does not say that the program is optimized")
	}
	answers(t, b.page)

	c = b.start(t, "web", "--trace", "main.handler", "--count", "1", "--stack", "1", "--format", "json")
	c.says(t, &c.stderr, "tracing main.handler of shop-web-1")
	answers(t, b.page)
	c.end(t, 0, cli.ExitOK)
	lines := bufio.NewScanner(strings.NewReader(c.stdout.String()))
	for _, want := range []trace.Kind{trace.Call, trace.Return} {
		var e trace.Event
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &e) != nil || e.Kind != want || e.Function != "main.handler" || want == trace.Call && (len(e.Args) != 2 || len(e.Stack) == 0) {
			t.Errorf("%s: %s", want, lines.Text())
		}
	}
	answers(t, b.page)
}

// tracesEachWay leaves containers of debug images as they were, and traces an image from its start.
func (b *debugBench) tracesEachWay(t *testing.T) {
	for _, c := range []*testenv.Container{
		b.run(t, "--publish", "127.0.0.1::8000", "--env", "DLVGEN_START=continue", b.ref("v1-debug")),
		b.run(t, "--publish", "127.0.0.1::8000", b.ref("v1-debug")), // waits for a client
		b.run(t, b.ref("v1-debug-attach")),
		b.run(t, "--user", "65532:65532", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only", "--ipc", "none", b.ref("v1")),
	} {
		page := b.url(t, c)
		call := b.start(t, c.ID, "--trace", "main.handler", "--count", "1")
		call.says(t, &call.stderr, "tracing main.handler")
		answers(t, page)
		call.end(t, 0, cli.ExitOK)
		if got := call.stdout.String(); !strings.Contains(got, `main.handler(w = `) || !strings.Contains(got, "returned") {
			t.Errorf("it prints\n%s", got)
		}
		answers(t, page)
	}
	b.leavesNothing(t)
	call := b.start(t, b.ref("v1"), "--trace", "main.main", "--trace", "flag.Parse", "--count", "2", "--start", "hold")
	call.end(t, 0, cli.ExitOK)
	if got := call.stdout.String(); !strings.Contains(got, "main.main()") || !strings.Contains(got, "flag.Parse()") {
		t.Errorf("it prints\n%s", got)
	}
}

// traceKilled has the sidecar let the program go that its client has left at a call.
func (b *debugBench) traceKilled(t *testing.T) {
	b.leavesNothing(t)
	c := b.start(t, "web", "--trace", "main.handler")
	c.says(t, &c.stderr, "tracing main.handler")
	c.end(t, syscall.SIGKILL, -1)
	for range 2 { // the first one stops the program
		answers(t, b.page)
	}
	if r := b.call(t, "web", "--trace", "main.handel"); !strings.Contains(r.stderr, "a session with shop-web-1 was killed") {
		t.Errorf("the next call says\n%s", r.stderr)
	}
}

func (b *debugBench) traceRefusals(t *testing.T) {
	b.leavesNothing(t)
	for _, tc := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"--trace", "main.handel"}, cli.ExitFailure, []string{`the program has no function "main.handel"`, "    main.handler"}},
		{[]string{"--trace", "^net/http"}, cli.ExitFailure, []string{"--trace ^net/http matches ", "the limit is 50", "--trace-limit", "    net/http."}},
		{[]string{"--trace", ","}, cli.ExitUsage, []string{"--trace names no function"}},
		{[]string{"--count", "1"}, cli.ExitUsage, []string{"--count is for --trace"}},
		{[]string{"--trace", "x", "--stack", "0"}, cli.ExitUsage, []string{"--stack is 0: it must be 1 or more"}},
		{[]string{"--trace", "x", "--for", "dlv"}, cli.ExitUsage, []string{"--trace is the client itself"}},
	} {
		r := b.call(t, append([]string{"web"}, tc.args...)...)
		for _, want := range tc.want {
			if r.code != tc.code || !strings.Contains(r.stderr, want) {
				t.Errorf("%q: exit code %d, and on stderr no %q\n%s", tc.args, r.code, want, r.stderr)
			}
		}
		answers(t, b.page)
	}
	if r := b.call(t, "web", "--trace", "main.handler", "--dry-run"); !strings.Contains(r.stdout, "# at its prompt: trace main.handler\n# at its prompt: continue\n") {
		t.Errorf("the dry run prints\n%s", r.stdout)
	}
}

// logpoint prints at a line as an editor has it do, while the program answers.
func (b *debugBench) logpoint(t *testing.T) {
	b.leavesNothing(t)
	ctx := proctest.Context(t)
	c, addr, paths := b.editor(t, "web")
	d, err := testenv.ConnectDAP(ctx, addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Attach(ctx, paths), d.LogAtLine(ctx, filepath.Join(b.folder, "main.go"), greetingLine, "greeting is {greeting}, asked by {r.Method}"), d.Configured(ctx)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		answers(t, b.page)
		text := ""
		for err == nil && !strings.Contains(text, "greeting is ") {
			text, err = d.Output(ctx)
		}
		if err != nil || !strings.Contains(text, `greeting is "Hello, world!"`) {
			t.Errorf("the logpoint prints %q, %v", text, err)
		}
	}
	// Delve would keep the logpoint, with nobody any more for whom it has the program go on.
	if err := d.Leave(ctx, codeDisconnect); err != nil {
		t.Fatal(err)
	}
	answers(t, b.page)
	c.end(t, syscall.SIGINT, cli.ExitOK)
	answers(t, b.page)
}

// What editors send when their user stops debugging a program that they were attached to.
const (
	codeDisconnect = `{"restart":false,"terminateDebuggee":false,"suspendDebuggee":false}` // VS Code, Disconnect
	codeStop       = `{"restart":false,"terminateDebuggee":true}`                          // VS Code, Stop; nvim-dap, terminate()
	nvimDisconnect = `{"restart":false}`                                                   // nvim-dap, disconnect()
)

// by ends a client of DAP, which may be at a breakpoint.
func by(arguments string) func(*testing.T, string) {
	return func(t *testing.T, addr string) {
		t.Helper()
		ctx := proctest.Context(t)
		d, err := testenv.ConnectDAP(ctx, addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.Attach(ctx, nil), d.Configured(ctx)); err != nil {
			t.Fatal(err)
		}
		if arguments == "" {
			err = d.Break()
		} else {
			err = d.Leave(ctx, arguments)
		}
		if err != nil && arguments != codeStop { // whose answer may not come: the container ends
			t.Error(err)
		}
	}
}

// detach ends a client of Delve's own protocol, as GoLand does.
func detach(kill bool) func(*testing.T, string) {
	return func(t *testing.T, addr string) {
		t.Helper()
		c, _, err := delverpc.Stopped(proctest.Context(t), addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.Call("Detach", map[string]bool{"Kill": kill}, nil, delverpc.AnswerWithin) // its answer may not come
	}
}

// typed ends Delve's own client by what is typed at its prompt.
func typed(b *debugBench, lines ...string) func(*testing.T, string) {
	return func(t *testing.T, addr string) {
		t.Helper()
		dlv, err := testenv.Program(t.Context(), "dlv")
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(proctest.Context(t), dlv, "connect", addr)
		cmd.Env = b.env
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		var out proctest.Output
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(in, strings.Join(lines, "\n")+"\n")
		_ = in.Close()
		if err = errors.Join(err, cmd.Wait()); err != nil {
			t.Logf("dlv: %v: %s", err, out.String())
		}
	}
}

// fate is what the program does when its client has left, until the session ends.
type fate string

const (
	goesOn fate = "runs"
	waits  fate = "stands"
	dies   fate = "dies"
)

// stops ends clients of each kind with each way of debugging. docs/debug.md has the table.
func (b *debugBench) stops(t *testing.T) {
	remote := []string{"--publish", "127.0.0.1::8000", "--env", "DLVGEN_START=continue", b.ref("v1-debug")}
	stay := []leaving{
		{"VS Code, Disconnect", by(codeDisconnect), goesOn},
		{"nvim-dap, disconnect", by(nvimDisconnect), goesOn},
		{"a connection that breaks", by(""), goesOn},
		{"quit -c", typed(b, "quit -c"), goesOn},
		{"quit with n", typed(b, "quit", "n"), waits},
		{"detach", detach(false), goesOn},
	}
	end := []leaving{
		{"VS Code, Stop, and nvim-dap, terminate", by(codeStop), dies},
		{"detach and kill", detach(true), dies},
		{"quit with its defaults", typed(b, "quit", "", ""), dies},
	}
	t.Run("sidecar", func(t *testing.T) {
		guarded := slices.Concat(stay, end)
		for i := range guarded {
			guarded[i].want = goesOn
		}
		b.leave(t, []string{b.ref("v1")}, guarded)
	})
	for _, way := range []struct {
		name string
		args []string
	}{{"attach", []string{b.ref("v1-debug-attach")}}, {"remote", remote}} {
		t.Run(way.name, func(t *testing.T) { b.leave(t, way.args, stay) })
		for _, last := range end {
			t.Run(way.name+": "+last.name, func(t *testing.T) { b.leave(t, way.args, []leaving{last}) })
		}
	}
}

// leaving is how a client leaves a program that runs, and what becomes of that.
type leaving struct {
	name string
	end  func(t *testing.T, addr string)
	want fate
}

// leave has clients leave the debugger of one session, one after the other.
func (b *debugBench) leave(t *testing.T, args []string, clients []leaving) {
	t.Helper()
	c := b.run(t, args...)
	page := b.url(t, c)
	answers(t, page)
	call, addr, _ := b.editor(t, c.ID)
	for _, client := range clients {
		client.end(t, addr)
		b.meets(t, c, addr, page, client.want)
		if t.Failed() {
			t.Fatalf("after %s", client.name)
		}
	}
	select { // the debugger of an attach image ends with a client that detaches, and the session with that
	case <-call.ended:
	default:
		_ = call.cmd.Process.Signal(syscall.SIGINT)
		<-call.ended
	}
	if clients[len(clients)-1].want != dies {
		answers(t, page)
	}
}

// meets waits until a program has met its fate.
func (b *debugBench) meets(t *testing.T, c *testenv.Container, addr, page string, want fate) {
	t.Helper()
	ctx := proctest.Context(t)
	switch want {
	case goesOn:
		answers(t, page)
	case dies:
		if out, err := b.engine.CLI(ctx, "wait", c.ID); err != nil {
			t.Errorf("%s, %v", out, err)
		}
	case waits:
		if now, err := delverpc.AskState(ctx, addr); err != nil || now.Running {
			t.Errorf("the program is %+v, %v", now, err)
		}
	}
}
