// Package bench measures what dlvgen is for: the time from an edit of main.go to a
// pushed debug image, beside the bare compile of the same edit on the host, which is
// the floor, and beside the rebuild by the production Dockerfile.
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

// parts are what the measured builds run against.
type parts struct {
	dlvgen   string // path of the program that users run
	registry *testenv.Registry
	buildkit *testenv.BuildKit
}

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
	on := newParts(b)
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

func newParts(b *testing.B) parts {
	b.Helper()
	root, err := testenv.RepoRoot()
	if err != nil {
		b.Fatal(err)
	}
	on := parts{dlvgen: filepath.Join(root, "bin", "dlvgen"), registry: testenv.SharedRegistry(b), buildkit: testenv.SharedBuildKit(b)}
	if _, err := os.Stat(on.dlvgen); err != nil {
		b.Fatalf("no bin/dlvgen to measure: run make build first: %v", err)
	}
	return on
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

// derive is what a user of dlvgen does.
func (on parts) derive(ctx context.Context, p *program, variants string) error {
	return runQuietly(on.command(ctx, p, variants))
}

func (on parts) command(ctx context.Context, p *program, variants string, flags ...string) *exec.Cmd {
	args := []string{"build", "--addr", on.buildkit.Addr, "-t", on.registry.Ref("bench/" + p.name + ":v1"), "--variant", variants, "--push"}
	return exec.CommandContext(ctx, on.dlvgen, append(append(args, flags...), p.dir)...)
}

// produce builds the production image as docker/dockerfile does.
func (on parts) produce(ctx context.Context, p *program) error {
	solved, err := on.buildkit.Solve(ctx, testenv.Solve{Context: p.dir, Push: on.registry.Ref("bench/" + p.name + ":v1")})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, solved.Log)
	}
	return nil
}

// runQuietly runs a command; the error holds what it printed.
func runQuietly(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}
