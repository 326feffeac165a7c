package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

const service = "testdata/services/hello"

// demo is one run of the tutorial.
type demo struct {
	out      io.Writer
	root     string // of the repository
	state    string // of everything that the run leaves behind, deleted at its end
	registry *testenv.Registry
	docker   *testenv.Docker
}

// run plays the tutorial and cleans up after it.
func run(ctx context.Context, out io.Writer) (err error) {
	d := &demo{out: out}
	if d.root, err = testenv.RepoRoot(); err != nil {
		return err
	}
	if d.state, err = os.MkdirTemp("", "dlvgen-demo-*"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.state)) }()

	d.say("Starting a registry with base images, and Docker Engine where none runs.")
	if d.registry, err = testenv.StartRegistry(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.registry.Close()) }()
	if err := d.registry.PushBaseImages(ctx); err != nil {
		return err
	}
	if d.docker, err = testenv.StartDocker(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.docker.Close()) }()

	made, err := d.build(ctx)
	if err != nil {
		return err
	}
	if err := d.remote(ctx, made.remote); err != nil {
		return err
	}
	return d.sidecar(ctx, made)
}

// dlvgen runs the dlvgen of bin/ with a buildkitd and caches of the demo's own.
func (d *demo) dlvgen(ctx context.Context, stdout io.Writer, args ...string) error {
	d.say("$ dlvgen " + strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, filepath.Join(d.root, "bin", "dlvgen"), args...)
	cmd.Dir = d.root
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+d.state, "XDG_RUNTIME_DIR="+d.state, "DLVGEN_BUILDKITD_CONFIG="+d.config(), "BUILDKIT_HOST=", "BUILDX_BUILDER=dlvgen")
	cmd.Stdout, cmd.Stderr = stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running dlvgen %s: %w", args[0], err)
	}
	return nil
}

func (d *demo) config() string { return filepath.Join(d.state, "buildkitd.toml") }

func (d *demo) say(line string) { fmt.Fprintln(d.out, "\n"+line) }

// show prints a file, indented.
func (d *demo) show(path string) error {
	dt, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	d.say(service + "/" + filepath.Base(path) + ", as production uses it:")
	for line := range strings.Lines(string(dt)) {
		fmt.Fprint(d.out, "    ", line)
	}
	return nil
}
