//go:build !race

// See breakpoint_test.go for why.

package frontend_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
)

// form is one way of starting an image, and what a program may then notice.
type form struct {
	name    string
	options variants.Request
	start   string // DLVGEN_START
	noticed []string
}

// below is what a program notices that has a parent in its container: the rows of
// docs/variants.md.
var below = []string{"pid", "ppid", "sessionLeader"}

// The forms.
var (
	asProduction = form{name: "production"}
	asAttach     = form{name: "attach", options: variant("attach")}
	asRemote     = form{name: "remote", options: variant("remote"), start: "continue", noticed: below}
	asRemoteOff  = form{name: "remote off", options: variant("remote"), start: "off"}
	asInplace    = form{name: "inplace", options: entry("inplace"), start: "continue", noticed: append([]string{"executable"}, below...)}
	asInplaceOff = form{name: "inplace off", options: entry("inplace"), start: "off", noticed: []string{"executable"}}
)

// direct are the forms of an image whose command leads straight to its program,
// indirect those of any other.
var (
	direct   = []form{asAttach, asRemote, asRemoteOff, asInplace, asInplaceOff}
	indirect = []form{asAttach, asInplace, asInplaceOff}
)

func entry(name string) variants.Request {
	o := variant("remote")
	o.Entry = variants.Entry(name)
	return o
}

// fleet has the images of the service report. Each is built once, and pulled once.
var fleet = struct {
	sync.Mutex
	once map[string]func() error
}{once: map[string]func() error{}}

// prepare does something about an image, once for all tests.
func prepare(ctx context.Context, t *testing.T, what string, do func(context.Context) error) {
	t.Helper()
	fleet.Lock()
	once, ok := fleet.once[what]
	if !ok {
		once = sync.OnceValue(func() error {
			// All tests of the image wait for this, so it does not end with the first's.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), proctest.Limit)
			defer cancel()
			return do(ctx)
		})
		fleet.once[what] = once
	}
	fleet.Unlock()
	if err := once(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// pushed is the name, in the registry, of a target's image in a form.
func (f form) pushed(ctx context.Context, t *testing.T, target string) string {
	t.Helper()
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	name := "fidelity/" + target + ":v1-" + f.options.Variant.Name + string(f.options.Entry) + string(f.options.Variant.Sources)
	prepare(ctx, t, "building "+name, func(ctx context.Context) error {
		solved, err := tryDerive(ctx, t, bk, derivation{
			service: testenv.Service(t, "report"), options: f.options, push: reg.Ref(name), attrs: map[string]string{"target": target},
		})
		if err != nil {
			return fmt.Errorf("%w\n%s%s", err, solved, solved.Log)
		}
		return nil
	})
	return name
}

// image is the reference of a target's image in a form, which the engine has.
func (f form) image(ctx context.Context, t *testing.T, target string) string {
	t.Helper()
	ref := testenv.SharedRegistry(t).Ref(f.pushed(ctx, t, target))
	prepare(ctx, t, "pulling "+ref, func(ctx context.Context) error { return testenv.SharedDocker(t).Pull(ctx, ref) })
	return ref
}

// run runs a target in a form to its end. The program's environment says what it
// does.
func (f form) run(ctx context.Context, t *testing.T, target string, c launch) testenv.Ended {
	t.Helper()
	ended, err := testenv.SharedDocker(t).RunToEnd(ctx, c.stdin, slices.Concat(f.docker(), c.options, []string{f.image(ctx, t, target)}, c.args)...)
	if err != nil {
		t.Fatal(err)
	}
	return ended
}

// docker are options of `docker run`: the host name would differ, and reports hold it.
func (f form) docker() []string {
	options := []string{"--hostname", "report"}
	if f.start != "" {
		options = append(options, "--env", "DLVGEN_START="+f.start)
	}
	return options
}

// launch is one `docker run` of an image.
type launch struct {
	options []string
	args    []string
	stdin   string
}

// TestAProgramIsStartedAsInProduction compares what a program sees of its start.
func TestAProgramIsStartedAsInProduction(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	for _, c := range []struct {
		name, target string
		launch       launch
		forms        []form
		noticed      []string // beside the forms'
	}{
		{name: "exec form", target: "exec", forms: direct},
		{name: "command replaced", target: "exec", launch: launch{args: []string{"-y", "two words", ""}}, forms: direct},
		{name: "read-only", target: "exec", launch: launch{options: []string{"--read-only"}}, forms: direct},
		{name: "unknown user", target: "exec", launch: launch{options: []string{"--user", "12345:12345", "--group-add", "7"}}, forms: direct},
		{name: "no capabilities", target: "exec", launch: launch{options: []string{"--cap-drop", "ALL"}}, forms: direct},
		{name: "no new privileges", target: "exec", launch: launch{options: []string{"--security-opt", "no-new-privileges", "--user", "1000", "--read-only", "--cap-drop", "ALL"}}, forms: direct},
		{name: "added capabilities", target: "exec", launch: launch{options: []string{"--cap-add", "SYS_PTRACE", "--cap-add", "NET_ADMIN"}}, forms: direct},
		{name: "limits", target: "exec", launch: launch{options: []string{"--ulimit", "nofile=128:256", "--ulimit", "core=0", "--oom-score-adj", "300"}}, forms: direct},
		{name: "input", target: "exec", launch: launch{options: []string{"--interactive", "--env", "READ_STDIN=1"}, stdin: "one\ntwo\n"}, forms: direct},
		{name: "terminal", target: "exec", launch: launch{options: []string{"--tty"}}, forms: direct},
		{name: "working folder", target: "exec", launch: launch{options: []string{"--workdir", "/app"}}, forms: direct},
		{name: "docker's init", target: "exec", launch: launch{options: []string{"--init"}}, forms: direct},
		{name: "name along PATH", target: "path", forms: direct},
		{name: "relative name", target: "path", launch: launch{options: []string{"--entrypoint", "bin/report", "--workdir", "/usr/local"}}, forms: indirect},
		{name: "shell form", target: "shell", forms: indirect},
		{name: "script", target: "script", forms: indirect},
		{name: "script with another command", target: "script", launch: launch{args: []string{"/usr/local/bin/report", "--verbose"}}, forms: indirect},
		{name: "script that waits", target: "child", launch: launch{args: []string{"more"}}, forms: indirect},
		{name: "entrypoint replaced", target: "script", launch: launch{options: []string{"--entrypoint", "report"}, args: []string{"alone"}}, forms: indirect},
		{name: "tini", target: "tini", forms: direct},
		{name: "env", target: "env", launch: launch{args: []string{"--more"}}, forms: direct},
		{name: "gosu", target: "gosu", forms: direct},
		{name: "one of nine names", target: "names", forms: direct, noticed: []string{"comm"}},
		{name: "file capabilities", target: "capable", forms: direct},
		{name: "set-user-ID", target: "setid", forms: indirect},
		{name: "set-user-ID of its owner", target: "setid", launch: launch{options: []string{"--user", "1000:50"}}, forms: indirect},
		{name: "another of nine names", target: "names", launch: launch{options: []string{"--entrypoint", "three"}}, forms: indirect, noticed: []string{"comm"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx := deadline(t)
			c.launch.options = append(c.launch.options, "--env", "REPORT_THEN=exit:3")
			want := asProduction.run(ctx, t, c.target, c.launch)
			for _, of := range c.forms {
				got := of.run(ctx, t, c.target, c.launch)
				noticed := append(slices.Clone(c.noticed), of.noticed...)
				if pid := reportOf(t, want)["pid"]; pid != float64(1) {
					noticed = append(noticed, "pid", "ppid") // how many processes came before
				}
				if leads, ok := reportOf(t, want)["groupLeader"].(bool); ok && !leads && of.start == "continue" {
					noticed = append(noticed, "groupLeader") // as a script's child
				}
				for _, difference := range compare(reportOf(t, want), reportOf(t, got), noticed) {
					t.Errorf("%s: %s", of.name, difference)
				}
				if got.Code != want.Code {
					t.Errorf("%s: exit code %d, want %d: %s", of.name, got.Code, want.Code, got.Stderr)
				}
				if (of.options.Variant.Name == "attach" || of.start == "off") && got.Stderr != want.Stderr {
					t.Errorf("%s: printed %q, want %q", of.name, got.Stderr, want.Stderr)
				}
			}
		})
	}
}

// reportOf is the one line that the program prints. On a terminal the debugger's
// lines stand beside it.
func reportOf(t *testing.T, ended testenv.Ended) map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range strings.Lines(ended.Stdout) {
		var report map[string]any
		if err := json.Unmarshal([]byte(line), &report); err == nil {
			found = append(found, report)
		}
	}
	if len(found) != 1 || !terminal(ended) && strings.Count(ended.Stdout, "\n") != 1 {
		t.Fatalf("exit code %d, the program printed %q and %q, want one line", ended.Code, ended.Stdout, ended.Stderr)
	}
	return found[0]
}

// terminal tells whether a container had a terminal, which ends lines in its way.
func terminal(ended testenv.Ended) bool { return strings.Contains(ended.Stdout, "\r\n") }

// compare lists the facts that differ, without the noticed ones.
func compare(want, got map[string]any, noticed []string) []string {
	var differences []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if w, g := fmt.Sprint(want[key]), fmt.Sprint(got[key]); w != g && !slices.Contains(noticed, key) {
			differences = append(differences, fmt.Sprintf("%s is %s, want %s", key, g, w))
		}
	}
	return differences
}

// TestSignalsReachTheProgram sends what an orchestrator may send.
func TestSignalsReachTheProgram(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	signals := []string{"HUP", "USR1", "USR2", "WINCH", "INT", "RTMIN+3"}
	for target, forms := range map[string][]form{"exec": direct, "script": {asInplace}, "tini": {asRemote, asInplace}} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			ctx := deadline(t)
			want := asProduction.signal(ctx, t, target, signals)
			if len(want) != len(signals)+1 {
				t.Fatalf("production received %q", want)
			}
			for _, of := range forms {
				if got := of.signal(ctx, t, target, signals); !slices.Equal(got, want) {
					t.Errorf("%s: the program received %q, want %q", of.name, got, want)
				}
			}
		})
	}
}

// signal starts an image, sends signals and ends it with `docker stop`. It returns
// the signals that the program reports.
func (f form) signal(ctx context.Context, t *testing.T, target string, signals []string) []string {
	t.Helper()
	c := f.serve(ctx, t, target)
	for i, s := range signals {
		if err := c.Kill(ctx, s); err != nil {
			t.Fatal(err)
		}
		c.waitForLog(ctx, t, `"signal"`, i+1)
	}
	if code, err := c.Stop(ctx); err != nil || code != exitTerminated {
		t.Errorf("%s: exit code %d after docker stop, %v: want %d", f.name, code, err, exitTerminated)
	}
	var received []string
	log, err := c.Logs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(log) {
		var report struct{ Signal string }
		if json.Unmarshal([]byte(line), &report) == nil && report.Signal != "" {
			received = append(received, report.Signal)
		}
	}
	return received
}

// waitForLog returns when the container has printed a text as often as that.
func (r running) waitForLog(ctx context.Context, t *testing.T, text string, times int) {
	t.Helper()
	for {
		log, err := r.Logs(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(log, text) >= times {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the container printed %q %d times, want %d", text, strings.Count(log, text), times)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestEndsComeOutAsInProduction ends the program in every way that there is.
func TestEndsComeOutAsInProduction(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	for then, code := range map[string]int{"exit:0": 0, "exit:3": 3, "panic": 2, "kill:9": 137} {
		t.Run(then, func(t *testing.T) {
			t.Parallel()
			ctx := deadline(t)
			for target, forms := range map[string][]form{"exec": {asRemote, asInplace}, "script": {asInplace}, "tini": {asRemote}} {
				for _, of := range forms {
					atOnce := launch{options: []string{"--env", "REPORT_THEN=" + then}}
					if ended := of.run(ctx, t, target, atOnce); ended.Code != code {
						t.Errorf("%s of %s: exit code %d at once, want %d: %s", of.name, target, ended.Code, code, ended.Stderr)
					}
					if got := of.endLater(ctx, t, target, then); got != code {
						t.Errorf("%s of %s: exit code %d later, want %d", of.name, target, got, code)
					}
				}
			}
		})
	}
}

// endLater starts an image, waits until it serves, and asks it for its end.
func (f form) endLater(ctx context.Context, t *testing.T, target, then string) int {
	t.Helper()
	c := f.serve(ctx, t, target)
	c.ask(ctx, t, then)
	code, err := c.Wait(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// serve starts an image and waits until the program answers.
func (f form) serve(ctx context.Context, t *testing.T, target string) running {
	t.Helper()
	c := start(ctx, t, testenv.SharedDocker(t), f.image(ctx, t, target), f.docker()...)
	if err := c.request(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask asks the program for an action; its end may leave the request unanswered.
func (r running) ask(ctx context.Context, t *testing.T, then string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.page+"/then?"+url.QueryEscape(then), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := http.DefaultClient.Do(req); err == nil {
		_ = res.Body.Close()
	}
}

// TestAStoppedProgramEndsInTime stops containers whose program stands still: one
// that was never continued has no handler yet and dies of the signal.
func TestAStoppedProgramEndsInTime(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	const terminated = 128 + 15
	for target, of := range map[string]form{"exec": asRemote, "script": asInplace} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			ctx := deadline(t)
			ref := of.image(ctx, t, target)

			held := start(ctx, t, testenv.SharedDocker(t), ref)
			held.waitForLog(ctx, t, "listening at", 1)
			if code, err := held.Stop(ctx); err != nil || code != terminated {
				t.Errorf("exit code %d, %v: want %d of a program that was held", code, err, terminated)
			}

			c := start(ctx, t, testenv.SharedDocker(t), ref)
			d := c.connect(ctx, t)
			if _, err := d.HitFunction(ctx, "main.handler", c.request); err != nil {
				t.Fatal(err)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			if code, err := c.Stop(ctx); err != nil || code != exitTerminated {
				t.Errorf("exit code %d, %v: want %d of a program at a breakpoint", code, err, exitTerminated)
			}
		})
	}
}

func TestNoZombiesStay(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	for _, of := range []form{asRemote, asInplace} {
		t.Run(of.name, func(t *testing.T) {
			t.Parallel()
			ctx := deadline(t)
			c := of.serve(ctx, t, "exec")
			c.ask(ctx, t, "orphan")
			c.waitForLog(ctx, t, `"orphan"`, 1)
			for {
				processes, err := c.Processes(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.ContainsFunc(processes, func(p testenv.Process) bool { return strings.HasPrefix(p.State, "Z") }) {
					return
				}
				select {
				case <-ctx.Done():
					t.Fatalf("the container's processes are %v", processes)
				case <-time.After(20 * time.Millisecond):
				}
			}
		})
	}
}
