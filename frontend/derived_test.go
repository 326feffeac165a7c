package frontend_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/internal/tools"
	"github.com/moby/buildkit/client"
	"github.com/tonistiigi/fsutil"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// limit is how long one test may take on a slow machine.
const limit = 4 * time.Minute

// derivation is one build of a service through dlvgen.
type derivation struct {
	service    string // folder
	dockerfile string
	options    frontend.Options
	attrs      map[string]string
	push       string
	exports    []client.ExportEntry // in place of push
}

// derive runs the frontend in this process, as the command line tool does.
func derive(ctx context.Context, t *testing.T, bk *testenv.BuildKit, d derivation) (*testenv.Solved, error) {
	t.Helper()
	tree, digest, err := tools.FS()
	if err != nil {
		t.Fatal(err)
	}
	name := tools.LocalName(digest)
	attrs := d.options.Attrs()
	for k, v := range d.attrs {
		attrs[k] = v
	}
	return bk.Solve(ctx, testenv.Solve{
		Context:    d.service,
		Dockerfile: d.dockerfile,
		Build:      frontend.New(frontend.Config{Tools: frontend.LocalTools(name), Version: "test"}).Build,
		Attrs:      attrs,
		Locals:     map[string]fsutil.FS{name: tree},
		Push:       d.push,
		Exports:    d.exports,
	})
}

// mustDerive fails the test where the build fails.
func mustDerive(ctx context.Context, t *testing.T, bk *testenv.BuildKit, d derivation) *testenv.Solved {
	t.Helper()
	solved, err := derive(ctx, t, bk, d)
	if err != nil {
		t.Fatalf("%v\n%s%s", err, solved, solved.Log)
	}
	return solved
}

// variant are the options of a variant with everything else at its default.
func variant(name string) frontend.Options {
	o := frontend.DefaultOptions()
	o.Variant = name
	return o
}

// deadline is the test's context with a limit.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// running is a debug container with the addresses of its ports.
type running struct {
	*testenv.Container
	debugger, page string
}

// start runs a debug image with both ports published.
func start(ctx context.Context, t *testing.T, engine *testenv.Docker, ref string, args ...string) running {
	t.Helper()
	options := append([]string{"--publish", "127.0.0.1::8000", "--publish", "127.0.0.1::12345"}, args...)
	r := running{Container: engine.Run(t, append(options, ref)...)}
	var err error
	if r.debugger, err = r.Addr(ctx, 8000); err != nil {
		t.Fatal(err)
	}
	if r.page, err = r.Addr(ctx, 12345); err != nil {
		t.Fatal(err)
	}
	return r
}

// request asks the service for its page.
func (r running) request(ctx context.Context) error {
	_, err := testenv.Get(ctx, "http://"+r.page+"/?name=gopher")
	return err
}

// connect is a client of the container's debugger.
func (r running) connect(ctx context.Context, t *testing.T) *testenv.Delve {
	t.Helper()
	d, err := testenv.ConnectDelve(ctx, r.debugger)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// lineOf is the number of the first line with the text.
func lineOf(t *testing.T, source, text string) int {
	t.Helper()
	n := 0
	for line := range strings.Lines(source) {
		n++
		if strings.Contains(line, text) {
			return n
		}
	}
	t.Fatalf("no line with %q", text)
	return 0
}
