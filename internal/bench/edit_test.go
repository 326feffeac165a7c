// Package bench measures what dlvgen is for: the time from an edit of main.go to a
// pushed debug image, beside the bare compile of the same edit on the host, which is
// the floor, and beside the rebuild by the production Dockerfile; and what all
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

func TestMain(m *testing.M) { testenv.Main(m) }

// measurement is one way from an edit to its result.
type measurement struct {
	name, label string
	runs        int // at least
	run         func(context.Context, *program) error
}

// BenchmarkEdit times each measurement after an edit of main.go, with everything
// else as the build before left it, and prints all medians in a table at the end.
// ns/op is a median.
func BenchmarkEdit(b *testing.B) {
	testenv.Require(b, testenv.NeedBuildKit)
	on := sharedParts(b)
	var results table
	for _, p := range []*program{hello(b), large(b)} {
		b.Run(p.name, func(b *testing.B) {
			on.warm(b, p)
			for _, m := range on.measurements(p) {
				b.Run(m.name, func(b *testing.B) { results.measure(b, p, m) })
			}
			results.explain(b, on, p)
		})
	}
	fmt.Print("\n", results.String(), "\n")
}

// measurements are taken of each program, the floor first.
func (on parts) measurements(p *program) []measurement {
	runs, slowRuns := 5, 2
	if p.name == "large" {
		runs, slowRuns = 4, 1
	}
	return []measurement{
		{"host", "go build -gcflags='all=-N -l' on the host", runs, compile},
		{"remote", "dlvgen build --push, remote", runs, func(ctx context.Context, p *program) error {
			return on.derive(ctx, p, "remote")
		}},
		{"both", "dlvgen build --push, remote and remote-src", runs, func(ctx context.Context, p *program) error {
			return on.derive(ctx, p, "remote,remote-src")
		}},
		{"production", "the production Dockerfile, pushed", slowRuns, on.produce},
	}
}

// warm fills the caches of every measurement but production, which has none for the
// compile: its Dockerfiles name no cache mount.
func (on parts) warm(b *testing.B, p *program) {
	b.Helper()
	start := time.Now()
	if err := compile(b.Context(), p); err != nil {
		b.Fatal(err)
	}
	host := time.Since(start)
	if err := on.derive(b.Context(), p, "remote,remote-src"); err != nil {
		b.Fatal(err)
	}
	fmt.Printf("%s: first build on the host %s, of both variants with dlvgen %s\n", p.name, seconds(host), seconds(time.Since(start)-host))
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
