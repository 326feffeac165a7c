package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/moby/buildkit/client"
)

//go:embed standins/Dockerfile
var standInFiles embed.FS

// roomFor is how many bytes of build results stay from one Dockerfile to the next.
const roomFor = 12 << 30

// machine is what Dockerfiles are tried on: a registry with stand-ins, a buildkitd, and,
// where images are run, a Docker Engine.
type machine struct {
	flags    flags
	root     string // of the repository
	registry *testenv.Registry
	buildkit *testenv.BuildKit
	docker   *testenv.Docker // nil until an image is run
	made     map[standIn]string
}

func startMachine(ctx context.Context, f flags) (_ *machine, err error) {
	m := &machine{flags: f, made: map[standIn]string{}}
	if m.root, err = testenv.RepoRoot(); err != nil {
		return nil, err
	}
	if m.flags.checkouts, err = filepath.Abs(f.checkouts); err != nil {
		return nil, err
	}
	if m.flags.state, err = filepath.Abs(f.state); err != nil {
		return nil, err
	}
	if m.registry, err = testenv.StartRegistry(); err != nil {
		return nil, err
	}
	if err := m.registry.PushBaseImages(ctx); err != nil {
		return nil, errors.Join(err, m.close())
	}
	options := testenv.BuildKitOptions{Registry: m.registry}
	if f.build { // explaining leaves nothing that is worth keeping
		options.StateDir = filepath.Join(m.flags.state, "buildkit")
	}
	if m.buildkit, err = testenv.StartBuildKit(ctx, options); err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

// close ends what was started, in reverse.
func (m *machine) close() error {
	var errs []error
	if m.docker != nil {
		errs = append(errs, m.docker.Close())
	}
	if m.buildkit != nil {
		errs = append(errs, m.buildkit.Close())
	}
	return errors.Join(append(errs, m.registry.Close())...)
}

// engine is the Docker Engine, started when it is first asked for.
func (m *machine) engine(ctx context.Context) (_ *testenv.Docker, err error) {
	if m.docker == nil {
		m.docker, err = testenv.StartDocker(ctx)
	}
	return m.docker, err
}

// contexts are the flags that put stand-ins in the place of the images that a
// Dockerfile names. A Dockerfile that cannot be read has none: dlvgen says why.
func (m *machine) contexts(ctx context.Context, r row) ([]string, error) {
	names, err := named(ctx, r, m.flags.checkouts)
	if err != nil {
		return nil, nil //nolint:nilerr // what dlvgen says of it is the answer
	}
	var args []string
	for _, name := range names {
		s, err := standInFor(name)
		if err != nil {
			return nil, err
		}
		ref, err := m.as(ctx, name, s)
		if err != nil {
			return nil, err
		}
		args = append(args, "--build-context", name+"=docker-image://"+ref)
	}
	return args, nil
}

// playing is the folder of the registry in which stand-ins have the names of the
// images that they stand for, without their digests.
const playing = "as/"

// as gives a stand-in the name of the image that it stands for.
func (m *machine) as(ctx context.Context, image string, s standIn) (string, error) {
	made, err := m.make(ctx, s)
	if err != nil {
		return "", err
	}
	image, _, _ = strings.Cut(image, "@")
	if !strings.Contains(path.Base(image), ":") {
		image += ":latest"
	}
	from, err := name.ParseReference(made, name.Insecure)
	if err != nil {
		return "", err
	}
	to, err := name.NewTag(m.registry.Ref(playing+image), name.Insecure)
	if err != nil {
		return "", err
	}
	img, err := remote.Image(from, remote.WithContext(ctx))
	if err != nil {
		return "", fmt.Errorf("naming the stand-in for %s: %w", image, err)
	}
	return to.Name(), remote.Write(to, img, remote.WithContext(ctx))
}

// make makes a stand-in, once: its configuration, and its files where images are built
// on it.
func (m *machine) make(ctx context.Context, s standIn) (ref string, err error) {
	if ref, ok := m.made[s]; ok {
		return ref, nil
	}
	if m.flags.build {
		ref, err = m.buildStandIn(ctx, s)
	} else {
		ref, err = m.pushHollow(ctx, s)
	}
	if err == nil {
		m.made[s] = ref
	}
	return ref, err
}

// buildStandIn builds a target of standins/Dockerfile and pushes it.
func (m *machine) buildStandIn(ctx context.Context, s standIn) (string, error) {
	ref := m.registry.Ref(s.tag())
	dir := filepath.Join(m.flags.state, "standins")
	if err := os.CopyFS(dir, standInFiles); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("making %s: %w", s.tag(), err)
	}
	text, err := standInFiles.ReadFile("standins/Dockerfile")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), text, 0o600); err != nil {
		return "", fmt.Errorf("making %s: %w", s.tag(), err)
	}
	solved, err := m.buildkit.Solve(ctx, testenv.Solve{
		Context: dir, Push: ref,
		Attrs: map[string]string{"target": s.target, "build-arg:GO": s.release},
	})
	if err != nil {
		return "", fmt.Errorf("making %s: %w: %s", s.tag(), err, lastLine(solved.Log))
	}
	return ref, nil
}

// dlvgen is a call of bin/dlvgen for a Dockerfile of the list.
func (m *machine) dlvgen(ctx context.Context, verb string, r row, more ...string) *exec.Cmd {
	args := append([]string{verb, "--addr", m.buildkit.Addr, "-f", filepath.Join(r.dir(m.flags.checkouts), r.Path), "--progress", "plain"}, more...)
	for _, f := range r.Flags {
		args = append(args, os.ExpandEnv(f))
	}
	cmd := exec.CommandContext(ctx, filepath.Join(m.root, "bin", "dlvgen"), append(args, filepath.Join(r.dir(m.flags.checkouts), r.Context))...)
	cmd.Dir = m.flags.state
	cmd.WaitDelay = closeDelay
	return cmd
}

// prune frees what the last build left behind, as far as it is more than roomFor.
func (m *machine) prune(ctx context.Context) error {
	c, err := m.buildkit.Client(ctx)
	if err != nil {
		return err
	}
	err = c.Prune(ctx, nil, client.PruneAll, client.WithKeepOpt(0, 0, roomFor, 0))
	return errors.Join(err, c.Close())
}

// asNamed puts the names of the Dockerfile back in the place of stand-ins'.
func (m *machine) asNamed(text string) string {
	return strings.ReplaceAll(text, m.registry.Ref(playing), "")
}
