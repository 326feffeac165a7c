//go:build !race

// Each call starts the test program, which takes long with the detector.

package cli_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

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
	c := b.start(t, "web", "--trace", "main.handler")
	c.says(t, &c.stderr, "tracing main.handler")
	c.end(t, syscall.SIGKILL, -1)
	for range 20 { // more than the stops for which the program does not wait
		answers(t, b.page)
	}
	b.start(t, "web", "--trace", "main.handler", "--count", "1").says(t, &c.stderr, "")
}

func (b *debugBench) traceRefusals(t *testing.T) {
	b.leavesNothing(t)
	for _, tc := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"--trace", "main.handle"}, cli.ExitFailure, []string{`the program has no function "main.handle"`}},
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
		t.Log(text)
	}
	if err := d.Disconnect(ctx, false); err != nil {
		t.Fatal(err)
	}
	c.end(t, syscall.SIGINT, cli.ExitOK)
	answers(t, b.page)
}

// What editors send when their user stops debugging a program that they were attached to.
const (
	codeDisconnect = `{"restart":false,"terminateDebuggee":false,"suspendDebuggee":false}` // VS Code, Disconnect
	codeStop       = `{"restart":false,"terminateDebuggee":true}`                          // VS Code, Stop; nvim-dap, terminate()
	nvimDisconnect = `{"restart":false}`                                                   // nvim-dap, disconnect()
)

// leaving is a way to end a client.
type leaving struct {
	name string
	end  func(t *testing.T, addr string)

	// at is where the program is meanwhile: at a breakpoint, or running.
	breakpoint bool

	// want is what the program does then: "runs", "stands" until the session ends, or "ended".
	want map[string]string
}

// by ends a client of DAP, which may be at a breakpoint.
func by(b *debugBench, paths map[string]string, arguments string) func(*testing.T, string) {
	return func(t *testing.T, addr string) {
		t.Helper()
		ctx := proctest.Context(t)
		d, err := testenv.ConnectDAP(ctx, addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.Attach(ctx, paths), d.Configured(ctx)); err != nil {
			t.Fatal(err)
		}
		if arguments == "" {
			err = d.Break()
		} else {
			err = d.Leave(ctx, arguments)
		}
		if err != nil {
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

// types ends Delve's own client by what is typed at its prompt.
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

// stops ends clients of each kind with each way of debugging.
func (b *debugBench) stops(t *testing.T) {
	ways := map[string]func(t *testing.T) *testenv.Container{
		"sidecar": func(t *testing.T) *testenv.Container { return b.run(t, b.ref("v1")) },
		"attach":  func(t *testing.T) *testenv.Container { return b.run(t, b.ref("v1-debug-attach")) },
		"remote": func(t *testing.T) *testenv.Container {
			return b.run(t, "--publish", "127.0.0.1::8000", "--env", "DLVGEN_START=continue", b.ref("v1-debug"))
		},
	}
	for way, start := range ways {
		for _, l := range []struct {
			name string
			end  func(t *testing.T, addr string)
		}{
			{"VS Code: Disconnect", by(b, nil, codeDisconnect)},
			{"VS Code: Stop, nvim-dap: terminate", by(b, nil, codeStop)},
			{"nvim-dap: disconnect", by(b, nil, nvimDisconnect)},
			{"the connection breaks", by(b, nil, "")},
			{"Detach, Kill false", detach(false)},
			{"Detach, Kill true", detach(true)},
			{"quit, default", typed(b, "quit", "", "")},
			{"quit, n", typed(b, "quit", "n", "n")},
			{"quit -c", typed(b, "quit -c")},
		} {
			t.Run(way+"/"+l.name, func(t *testing.T) {
				c := start(t)
				page := b.url(t, c)
				answers(t, page)
				call, addr, _ := b.editor(t, c.ID)
				l.end(t, addr)
				t.Logf("STOP %s | %s | %s", way, l.name, b.fate(t, c, addr, page))
				call.end(t, syscall.SIGINT, -2)
			})
		}
	}
}

// fate is what became of the program.
func (b *debugBench) fate(t *testing.T, c *testenv.Container, addr, page string) string {
	t.Helper()
	time.Sleep(time.Second)
	ctx, cancel := context.WithTimeout(proctest.Context(t), 3*time.Second)
	defer cancel()
	got, err := testenv.Get(ctx, page)
	state, _ := b.engine.CLI(proctest.Context(t), "inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", c.ID)
	now, stateErr := delverpc.AskState(proctest.Context(t), addr)
	return fmt.Sprintf("page %q %v; container %s; delve running=%v %v", got, err, strings.TrimSpace(state), now.Running, stateErr)
}
