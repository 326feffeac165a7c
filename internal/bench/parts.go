package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// parts are what the measured builds run against.
type parts struct {
	dlvgen   string // path of the program that users run
	buildkit *testenv.BuildKit
	registry *testenv.Registry
	uploads  *uploads // in front of the registry that is pushed to
}

// newParts has a registry and a builder that hold the base images, unpacked, and
// nothing else. The returned function ends both, also after an error.
func (l *lab) newParts(ctx context.Context) (on parts, end func() error, err error) {
	on.dlvgen = l.dlvgen
	end = on.close // of the result, whatever it has by then
	if on.registry, err = testenv.StartRegistry(); err != nil {
		return on, end, err
	}
	if on.uploads, err = countUploads(on.registry); err != nil {
		return on, end, err
	}
	if err := on.registry.PushBaseImages(ctx); err != nil {
		return on, end, err
	}
	if on.buildkit, err = testenv.StartBuildKit(ctx, testenv.BuildKitOptions{Registry: on.registry}); err != nil {
		return on, end, err
	}
	bases := filepath.Join(l.root, "internal", "bench", "testdata", "bases")
	return on, end, on.solve(ctx, testenv.Solve{Context: bases})
}

func (on *parts) close() error {
	var errs []error
	if on.uploads != nil {
		errs = append(errs, on.uploads.close())
	}
	if on.buildkit != nil {
		errs = append(errs, on.buildkit.Close())
	}
	if on.registry != nil {
		errs = append(errs, on.registry.Close())
	}
	return errors.Join(errs...)
}

// timed measures what follows an edit of the program, which is not part of it.
func (on parts) timed(p *program, build func() error) (sample, error) {
	if err := p.edit(); err != nil {
		return sample{}, err
	}
	if on.uploads != nil {
		on.uploads.take()
	}
	start := time.Now()
	err := build()
	s := sample{took: time.Since(start)}
	if on.uploads != nil {
		s.sent = on.uploads.take().bytes
	}
	return s, err
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
	return on.solve(ctx, testenv.Solve{Context: p.dir, Dockerfile: p.dockerfile, Push: on.ref(p)})
}

// tutorial builds the four Dockerfiles that are written by hand, in the way that is
// best for them: at the same time, so that they share the steps that are equal.
func (on parts) tutorial(ctx context.Context, root string, p *program) error {
	folder, err := filepath.Rel(p.dir, filepath.Join(root, "internal", "bench", "testdata", "tutorial"))
	if err != nil {
		return err
	}
	eg, ctx := errgroup.WithContext(ctx)
	for _, name := range []string{"attach", "scratch", "sidecar", "remote"} {
		eg.Go(func() error {
			return on.solve(ctx, testenv.Solve{Context: p.dir, Dockerfile: filepath.Join(folder, "Dockerfile."+name), Push: on.ref(p) + "-" + name})
		})
	}
	return eg.Wait()
}

// solve builds with a Dockerfile, whose path is relative to the context. The error has what
// the steps printed.
func (on parts) solve(ctx context.Context, s testenv.Solve) error {
	solved, err := on.buildkit.Solve(ctx, s)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, solved.Log)
	}
	return nil
}

// compile is what a developer does without containers.
func compile(ctx context.Context, p *program) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-gcflags=all=-N -l", "-o", filepath.Join(filepath.Dir(p.dir), p.name+".bin"), ".")
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return runQuietly(cmd)
}

// runQuietly runs a command. The error begins with what the command said of it, and holds
// all that it printed.
func runQuietly(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	return failed(cmd, err, out)
}

// failed says how a command failed, nil where it did not.
func failed(cmd *exec.Cmd, err error, printed []byte) error {
	if err == nil {
		return nil
	}
	name, text := filepath.Base(cmd.Path), strings.TrimSpace(string(printed))
	said := text[strings.LastIndexByte(text, '\n')+1:]
	for line := range strings.Lines(text) {
		if own, ok := strings.CutPrefix(line, name+": "); ok {
			said = strings.TrimSpace(own)
		}
	}
	return fmt.Errorf("%s: %w: %s\n%s\n%s", name, err, said, strings.Join(cmd.Args, " "), text)
}
