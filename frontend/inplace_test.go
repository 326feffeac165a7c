//go:build !race

// See breakpoint_test.go for why.

package frontend_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// TestABreakpointThroughTheLauncher stops in programs that something else than the
// image's command starts, or that the user's own command does.
func TestABreakpointThroughTheLauncher(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	for _, c := range []struct {
		name, target string
		options      []string
		args         []string
		argv0        string
	}{
		{name: "script", target: "script", argv0: "report"},
		{name: "script that waits", target: "child", argv0: "report"},
		{name: "shell form", target: "shell", argv0: "report"},
		{name: "one of nine names", target: "names", options: []string{"--entrypoint", "three"}, argv0: "three"},
		{name: "another command", target: "script", args: []string{"/usr/local/bin/report", "--port", "1"}, argv0: "/usr/local/bin/report"},
		{name: "environment of one", target: "script", args: []string{"env", "-i", "/usr/local/bin/report"}, argv0: "/usr/local/bin/report"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx := deadline(t)
			r := startWith(ctx, t, testenv.SharedDocker(t), asInplace.image(ctx, t, c.target), c.options, c.args)
			d := r.connect(ctx, t)
			state, err := d.HitFunction(ctx, "main.handler", r.request)
			if err != nil {
				t.Fatal(err)
			}
			if got := filepath.Base(state.CurrentThread.File); got != "main.go" {
				t.Errorf("stopped in %s", got)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			if log, err := r.Logs(ctx); err != nil || !strings.Contains(log, `{"args":["`+c.argv0+`"`) {
				t.Errorf("the program does not see its name %s, %v: %s", c.argv0, err, log)
			}
		})
	}
}

// TestALaterInstanceRunsWithoutTheDebugger starts the program twice in a container.
func TestALaterInstanceRunsWithoutTheDebugger(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	ctx := deadline(t)
	c := start(ctx, t, testenv.SharedDocker(t), asInplace.image(ctx, t, "twice"), asInplace.docker()...)
	c.waitForLog(ctx, t, "the second ended with 4", 1)
	log, err := c.Logs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log, "without the debugger") || strings.Count(log, "without the debugger") != 1 {
		t.Errorf("one instance should say that it runs without the debugger: %s", log)
	}
	d := c.connect(ctx, t)
	if _, err := d.Halt(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.HitFunction(ctx, "main.handler", c.request); err != nil {
		t.Fatal(err)
	}
}

// TestAProgramMayBecomeAnother replaces the program by others. The last one prints
// the limits that a program has which raises none itself.
func TestAProgramMayBecomeAnother(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	for _, then := range []string{"exec:/bin/false", "exec:/bin/sleep 0.1", "exec:/usr/local/bin/report again", "exec:/bin/cat /proc/self/limits"} {
		t.Run(then, func(t *testing.T) {
			t.Parallel()
			ctx := deadline(t)
			at := launch{options: []string{"--env", "REPORT_THEN=" + then, "--ulimit", "nofile=128:256"}}
			want := asProduction.run(ctx, t, "path", at)
			for _, of := range []form{asRemote, asInplace} {
				got := of.run(ctx, t, "path", at)
				_, wantRest, _ := strings.Cut(want.Stdout, "\n")
				_, gotRest, _ := strings.Cut(got.Stdout, "\n")
				if strings.Count(gotRest, "\n") != strings.Count(wantRest, "\n") || strings.HasPrefix(wantRest, "Limit") && gotRest != wantRest {
					t.Errorf("%s: what comes after the program prints %q, want %q", of.name, gotRest, wantRest)
				}
				if got.Code != want.Code {
					t.Errorf("%s: exit code %d, want %d: %s", of.name, got.Code, want.Code, got.Stderr)
				}
			}
		})
	}
}

func TestAProgramIsChosenWhereTheCommandDoesNotTell(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	bk := testenv.SharedBuildKit(t)
	for _, c := range []struct{ target, program, problem string }{
		{"two", "", "the image starts the script /entrypoint.sh (ENTRYPOINT), and the programs in it that this build compiled are /usr/local/bin/other, /usr/local/bin/report: choose with --program PATH"},
		{"two", "/usr/local/bin/other", ""},
		{"nothing", "", "the image starts nothing (it has neither ENTRYPOINT nor CMD), and the program in it that this build compiled is /app/report: choose it with --program PATH"},
		{"nothing", "/app/report", ""},
		{"script", "/bin/nothing", `--program is "/bin/nothing", and there is no such file in the image`},
	} {
		t.Run(c.target+c.program, func(t *testing.T) {
			options := variant("remote")
			options.Program = c.program
			_, err := tryDerive(deadline(t), t, bk, derivation{service: testenv.Service(t, "report"), options: options, attrs: map[string]string{"target": c.target}})
			switch {
			case c.problem == "" && err != nil:
				t.Error(err)
			case c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)):
				t.Errorf("the error is %v, want %s", err, c.problem)
			}
		})
	}
}

// startWith is start with arguments behind the reference.
func startWith(ctx context.Context, t *testing.T, engine *testenv.Docker, ref string, options, args []string) running {
	t.Helper()
	all := slices.Concat([]string{"--publish", "127.0.0.1::8000", "--publish", "127.0.0.1::12345"}, options, []string{ref}, args)
	r := running{Container: engine.Run(t, all...)}
	var err error
	if r.debugger, err = r.Addr(ctx, 8000); err != nil {
		t.Fatal(err)
	}
	if r.page, err = r.Addr(ctx, 12345); err != nil {
		t.Fatal(err)
	}
	return r
}
