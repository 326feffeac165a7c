package trace_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dlvgen/dlvgen/internal/delverpc"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/trace"
)

// programs are built once: shop for debugging and as it goes to production, and Delve.
var programs struct{ debug, production, delve string }

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "trace-test-*")
	if err != nil {
		panic(err)
	}
	programs.debug, programs.production, programs.delve = filepath.Join(dir, "debug"), filepath.Join(dir, "production"), filepath.Join(dir, "dlv")
	err = errors.Join(build(programs.debug, "-gcflags=all=-N -l"), build(programs.production), proctest.Delve(programs.delve))
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// build compiles shop with debug information, whatever the tests are compiled with.
func build(path string, flags ...string) error {
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, flags...), "./testdata/shop")...)
	cmd.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building shop: %w\n%s", err, out)
	}
	return nil
}

// debugged is a program that runs under a headless Delve.
type debugged struct {
	url, addr string

	told   []string
	events []trace.Event
}

// run starts a program, and Delve beside it as a sidecar does.
func run(t *testing.T, program string) *debugged {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	d := &debugged{url: "http://" + strings.TrimSpace(line) + "/", addr: proctest.FreeAddress(t)}
	var log proctest.Output
	delve := exec.CommandContext(context.WithoutCancel(t.Context()), programs.delve, "attach", "--headless", "--accept-multiclient", "--continue", "--listen="+d.addr, fmt.Sprint(cmd.Process.Pid))
	delve.Stdout, delve.Stderr = &log, &log
	if err := delve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = delve.Process.Kill()
		_ = delve.Wait()
		if t.Failed() {
			t.Logf("Delve said\n%s\nand the trace %q", log.String(), d.told)
		}
	})
	if _, err := delverpc.AwaitServing(proctest.Context(t), d.addr, true); err != nil {
		t.Fatal(err)
	}
	return d
}

// get asks for a page.
func (d *debugged) get(t *testing.T, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(proctest.Context(t), http.MethodGet, d.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// trace traces functions. begun runs beside it from when calls are seen, and each is called with
// each event.
func (d *debugged) trace(t *testing.T, o trace.Options, begun func(stop context.CancelFunc), each func(trace.Event) error) error {
	t.Helper()
	ctx, stop := context.WithCancel(proctest.Context(t))
	defer stop()
	var beside sync.WaitGroup
	defer beside.Wait()
	o.Tell = func(line string) { d.told = append(d.told, line) }
	o.Began = func([]string) { beside.Go(func() { begun(stop) }) }
	return trace.Run(ctx, d.addr, o, func(e trace.Event) error {
		d.events = append(d.events, e)
		if each == nil {
			return nil
		}
		return each(e)
	})
}

// lines are the events as they are printed, without times and numbers of goroutines.
func (d *debugged) lines() string {
	var b bytes.Buffer
	for _, e := range d.events {
		_, text, _ := strings.Cut(e.String(), ": ")
		text, _, _ = strings.Cut(text, " after ")
		b.WriteString(strings.TrimSuffix(text, "\n") + "\n")
	}
	return b.String()
}

// untouched checks that the program runs under a debugger without breakpoints.
func (d *debugged) untouched(t *testing.T) {
	t.Helper()
	if got, want := d.get(t, "pear?1"), "4 for pear"; got != want {
		t.Errorf("the page is %q, want %q", got, want)
	}
	c, before, err := delverpc.Stopped(proctest.Context(t), d.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	list, err := c.Breakpoints()
	if err != nil || !before.Running || len(list) > 0 {
		t.Errorf("before it was %+v; breakpoints %+v, %v", before, list, err)
	}
	if err := delverpc.Release(proctest.Context(t), d.addr, func(int) bool { return false }, func(delverpc.State) bool { return false }); err != nil {
		t.Error(err)
	}
}

func TestCallsAreSeenWithArgumentsAndResults(t *testing.T) {
	t.Parallel()
	d := run(t, programs.debug)
	var page string
	err := d.trace(t, trace.Options{Functions: []string{"main.price", `main\.\(\*shop\)\.s.ll$`}, Count: 2},
		func(context.CancelFunc) { page = d.get(t, "apple?3") }, nil)
	if err != nil || page != "15 for apple" {
		t.Errorf("the page is %q, %v", page, err)
	}
	want := `main.(*shop).sell(s = *main.shop {name: "corner"}, o = main.order {Item: "apple", Count: 3, Notes: []string["a", "b"]}, rebates = map[string]int ["x": 1], any = int(3))
main.price(item = "apple", count = 3)
main.price returned (total = 30, err = nil)
main.(*shop).sell returned ("15 for apple")
`
	if got := d.lines(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if len(d.told) > 0 {
		t.Errorf("it says %q", d.told)
	}
	d.untouched(t)
}

func TestAProductionBinarySaysWhatItDoesNotKeep(t *testing.T) {
	t.Parallel()
	d := run(t, programs.production)
	for _, tc := range []struct {
		options trace.Options
		want    []string
	}{
		{trace.Options{Functions: []string{"main.price"}, Stack: 2}, []string{"main.price(item = \"apple\", count = 3)\n    main.(*shop).sell at ", "\n    main.(*shop).handle at ", "main.price returned (total = (optimized away), err = nil)\n"}},
		{trace.Options{Functions: []string{"main.half"}}, []string{"main.half(total = (optimized away)) inlined in main.(*shop).sell\n"}},
	} {
		d.told, d.events, tc.options.Count = nil, nil, 1
		if err := d.trace(t, tc.options, func(context.CancelFunc) { d.get(t, "apple?3") }, nil); err != nil {
			t.Fatal(err)
		}
		for _, want := range tc.want {
			if !strings.Contains(d.lines(), want) {
				t.Errorf("got\n%s\nwant\n%s", d.lines(), want)
			}
		}
		if len(d.told) != 1 || !strings.Contains(d.told[0], "the program is optimized") {
			t.Errorf("it says %q", d.told)
		}
		d.untouched(t)
	}
}

// TestTheProgramDoesNotWaitForTheClient answers another request before the first call is taken.
func TestTheProgramDoesNotWaitForTheClient(t *testing.T) {
	t.Parallel()
	d := run(t, programs.debug)
	var once sync.Once
	var beside string
	err := d.trace(t, trace.Options{Functions: []string{"main.price"}, Count: 1}, func(context.CancelFunc) { d.get(t, "apple?3") }, func(trace.Event) error {
		once.Do(func() { beside = d.get(t, "plum?1") })
		return nil
	})
	if err != nil || beside != "4 for plum" {
		t.Errorf("the other page is %q, %v", beside, err)
	}
	d.untouched(t)
}

func TestPanicsAndRecursionAreToldApart(t *testing.T) {
	t.Parallel()
	d := run(t, programs.debug)
	err := d.trace(t, trace.Options{Functions: trace.Split("main.fails,main.recovers", "main.countdown"), Count: 5}, func(context.CancelFunc) {
		d.get(t, "panic")
		d.get(t, "count?2")
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := `main.recovers(text = "at corner")
main.fails(text = "at corner")
main.recovers returned (result = "recovered at corner")
main.countdown(n = 2)
main.countdown(n = 1)
main.countdown(n = 0)
main.countdown returned (0)
main.countdown returned (1)
main.countdown returned (2)
`
	if got := d.lines(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	d.untouched(t)
}

func TestWhatCannotBeTracedIsSaid(t *testing.T) {
	t.Parallel()
	d := run(t, programs.production)
	for _, tc := range []struct {
		functions   []string
		line, lists string
	}{
		{[]string{"main.prize"}, `the program has no function "main.prize"`, "Similar ones:\n    main.price\n"},
		{[]string{"shop.Sell"}, `the program has no function "shop.Sell"`, "    main.(*shop).sell\n"},
		{[]string{"main.(*shop.sell"}, "the program has no function", "    main.(*shop).sell\n"},
		{[]string{"^net/http"}, "--trace ^net/http matches ", "the limit is 50"},
	} {
		err := d.trace(t, trace.Options{Functions: tc.functions}, func(stop context.CancelFunc) { stop() }, nil)
		var refused *trace.FunctionError
		if !errors.As(err, &refused) || !strings.Contains(refused.Line, tc.line) || !strings.Contains(refused.Line+refused.Detail, tc.lists) {
			t.Errorf("%q: %v\n%#v", tc.functions, err, refused)
		}
		d.untouched(t)
	}
}

func TestItEndsUnderLoad(t *testing.T) {
	t.Parallel()
	d := run(t, programs.debug)
	done := make(chan struct{})
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					if got := d.get(t, "fig?1"); got != "3 for fig" {
						t.Errorf("the page is %q", got)
					}
				}
			}
		})
	}
	for range 20 {
		var stop context.CancelFunc
		began := make(chan context.CancelFunc, 1)
		events := 0
		err := d.trace(t, trace.Options{Functions: []string{"main.price", "main.(*shop).sell"}}, func(s context.CancelFunc) { began <- s }, func(trace.Event) error {
			if stop == nil {
				stop = <-began
			}
			if events++; events == 30 {
				stop()
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	load.Wait()
	d.untouched(t)
}

func TestTheEndOfTheProgramIsTold(t *testing.T) {
	t.Parallel()
	d := run(t, programs.debug)
	err := d.trace(t, trace.Options{Functions: []string{"main.(*shop).handle"}}, func(context.CancelFunc) { d.get(t, "exit?3") }, nil)
	var exited *trace.ExitedError
	if !errors.As(err, &exited) || exited.Status != 3 || len(d.events) != 1 {
		t.Errorf("%v after %d events", err, len(d.events))
	}
}

func TestWhoCannotPrintEndsTheTrace(t *testing.T) {
	t.Parallel()
	d := run(t, programs.debug)
	broken := errors.New("broken pipe")
	err := d.trace(t, trace.Options{Functions: []string{"main.price"}}, func(context.CancelFunc) { d.get(t, "apple?3") }, func(trace.Event) error { return broken })
	if !errors.Is(err, broken) || len(d.events) != 1 {
		t.Errorf("%v after %d events", err, len(d.events))
	}
	d.untouched(t)
}

func TestWordsAreSplitOutsideOfBrackets(t *testing.T) {
	t.Parallel()
	got := strings.Join(trace.Split("a,b", `x{2,3},main.Map[go.shape.int,go.shape.string]`, "main.(*T).F", ""), " ")
	if want := `a b x{2,3} main.Map[go.shape.int,go.shape.string] main.(*T).F`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
