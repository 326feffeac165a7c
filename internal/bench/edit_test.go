// Package bench measures what dlvgen is for: the time from an edit of main.go to a
// pushed debug image, beside the bare compile of the same edit on the host, which is
// the floor, beside ko, and beside the rebuild by the production Dockerfile; and what all
// variants cost together, beside Dockerfiles that are written by hand for them.
package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// How often each measurement is taken. Cold ones, which compile everything, take their
// time.
const (
	rounds     = 5
	coldRounds = 2
)

func TestMain(m *testing.M) { testenv.Main(m) }

// measurement is one way from an edit to its result. Its name is a metric's, its label
// a line of the table.
type measurement struct {
	name, label string
	rounds      int
	run         func(context.Context, *program) error
}

// BenchmarkEdit times each measurement after an edit of main.go, with everything
// else as the build before left it, and prints all medians in a table at the end.
// The measurements take turns, so that what else the machine does meets all of them.
// The metrics are medians.
func BenchmarkEdit(b *testing.B) {
	testenv.Require(b, testenv.NeedBuildKit)
	on := sharedParts(b)
	ko := newKo(b, on.uploads.Host)
	var results table
	for _, p := range []*program{hello(b), large(b), miniflux(b, on.registry)} {
		b.Run(p.name, func(b *testing.B) {
			measurements := on.measurements(ko)
			warm(b, p, measurements)
			results.measure(b, p, measurements)
			results.explain(b, on, p)
		})
	}
	fmt.Print("\n", results.String(), "\n")
}

// measurements are taken of each program, the floor first.
func (on parts) measurements(ko *ko) []measurement {
	derive := func(variants string) func(context.Context, *program) error {
		return func(ctx context.Context, p *program) error { return on.derive(ctx, p, variants) }
	}
	kodebug := func(flags ...string) func(context.Context, *program) error {
		return func(ctx context.Context, p *program) error { return ko.build(ctx, p, flags...) }
	}
	return []measurement{
		{"host", "go build -gcflags='all=-N -l' on the host", rounds, compile},
		{"remote", "dlvgen build --push, remote", rounds, derive("remote")},
		{"both", "dlvgen build --push, remote and remote-src", rounds, derive("remote,remote-src")},
		{"ko", "ko build --debug, which optimizes", rounds, kodebug()},
		{"ko-noopt", "ko build --debug --disable-optimizations", rounds, kodebug("--disable-optimizations")},
		{"production", "the production Dockerfile, pushed", coldRounds, on.produce},
	}
}

// warm fills the caches. Production has none for the compile: its Dockerfiles name no
// cache mount, and their other steps are dlvgen's too.
func warm(b *testing.B, p *program, measurements []measurement) {
	b.Helper()
	for _, m := range measurements {
		if m.rounds == coldRounds {
			continue
		}
		start := time.Now()
		if err := m.run(b.Context(), p); err != nil {
			b.Fatal(err)
		}
		fmt.Printf("%s: first %s %s\n", p.name, m.label, seconds(time.Since(start)))
	}
}

// compile is what a developer does without containers.
func compile(ctx context.Context, p *program) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-gcflags=all=-N -l", "-o", filepath.Join(filepath.Dir(p.dir), p.name+".bin"), ".")
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return runQuietly(cmd)
}

// runQuietly runs a command; the error holds what it printed.
func runQuietly(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}
