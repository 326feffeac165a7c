package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"golang.org/x/sync/errgroup"
)

// parts are what the measured builds run against.
type parts struct {
	dlvgen   string // path of the program that users run
	buildkit *testenv.BuildKit
	registry *testenv.Registry
	uploads  *uploads // in front of the registry that is pushed to
}

// sharedParts has the test binary's builder and registry.
func sharedParts(b *testing.B) parts {
	b.Helper()
	reg := testenv.SharedRegistry(b)
	on := parts{dlvgen: built(b), buildkit: testenv.SharedBuildKit(b), registry: reg, uploads: countUploads(reg)}
	b.Cleanup(on.uploads.close)
	return on
}

// newParts has a registry and a builder that hold the base images, unpacked, and
// nothing else. The returned function ends both.
func newParts(b *testing.B) (on parts, end func()) {
	b.Helper()
	ctx := b.Context()
	reg, err := testenv.StartRegistry()
	if err != nil {
		b.Fatal(err)
	}
	if err := reg.PushBaseImages(ctx); err != nil {
		b.Fatal(err)
	}
	bk, err := testenv.StartBuildKit(ctx, testenv.BuildKitOptions{Registry: reg})
	if err != nil {
		b.Fatal(err)
	}
	if solved, err := bk.Solve(ctx, testenv.Solve{Context: filepath.Join("testdata", "bases")}); err != nil {
		b.Fatalf("%v\n%s", err, solved.Log)
	}
	on = parts{dlvgen: built(b), buildkit: bk, registry: reg, uploads: countUploads(reg)}
	return on, func() {
		on.uploads.close()
		for _, err := range []error{bk.Close(), reg.Close()} {
			if err != nil {
				b.Error(err)
			}
		}
	}
}

// built is the path of bin/dlvgen.
func built(b *testing.B) string {
	b.Helper()
	root, err := testenv.RepoRoot()
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(root, "bin", "dlvgen")
	if _, err := os.Stat(path); err != nil {
		b.Fatalf("no bin/dlvgen to measure: run make build first: %v", err)
	}
	return path
}

// ref is the production reference of a program.
func (on parts) ref(p *program) string { return on.uploads.Host + "/bench/" + p.name + ":v1" }

// derive is what a user of dlvgen does.
func (on parts) derive(ctx context.Context, p *program, variants string) error {
	return runQuietly(on.command(ctx, p, variants))
}

func (on parts) command(ctx context.Context, p *program, variants string, flags ...string) *exec.Cmd {
	return exec.CommandContext(ctx, on.dlvgen, append(on.arguments(p, variants, flags...), p.dir)...)
}

// arguments are those of dlvgen, up to the context.
func (on parts) arguments(p *program, variants string, flags ...string) []string {
	args := []string{"build", "--addr", on.buildkit.Addr, "-f", filepath.Join(p.dir, p.dockerfile), "-t", on.ref(p), "--variant", variants, "--push"}
	return append(args, flags...)
}

// produce builds the production image as docker/dockerfile does.
func (on parts) produce(ctx context.Context, p *program) error {
	return on.solve(ctx, p, p.dockerfile, on.ref(p))
}

// tutorial builds the four Dockerfiles that are written by hand, in the way that is
// best for them: at the same time, so that they share the steps that are equal.
func (on parts) tutorial(ctx context.Context, p *program) error {
	folder, err := filepath.Abs(filepath.Join("testdata", "tutorial"))
	if err != nil {
		return err
	}
	if folder, err = filepath.Rel(p.dir, folder); err != nil {
		return err
	}
	eg, ctx := errgroup.WithContext(ctx)
	for _, name := range []string{"attach", "scratch", "sidecar", "remote"} {
		eg.Go(func() error {
			return on.solve(ctx, p, filepath.Join(folder, "Dockerfile."+name), on.ref(p)+"-"+name)
		})
	}
	return eg.Wait()
}

// solve builds and pushes with a Dockerfile, whose path is relative to the context.
func (on parts) solve(ctx context.Context, p *program, dockerfile, ref string) error {
	solved, err := on.buildkit.Solve(ctx, testenv.Solve{Context: p.dir, Dockerfile: dockerfile, Push: ref})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, solved.Log)
	}
	return nil
}
