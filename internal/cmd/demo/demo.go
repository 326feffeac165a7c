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
	"time"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

const (
	debugPort = 8000
	appPort   = 12345
	function  = "main.handler"
	service   = "testdata/services/hello"
)

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

	ref, err := d.derive(ctx)
	if err != nil {
		return err
	}
	return d.debug(ctx, ref)
}

// derive builds and pushes the debug images of the service, and returns the
// reference of the one that is run.
func (d *demo) derive(ctx context.Context) (_ string, err error) {
	if err := d.show(filepath.Join(d.root, service, "Dockerfile")); err != nil {
		return "", err
	}
	if err := os.WriteFile(d.config(), []byte(fmt.Sprintf("[registry.\"docker.io\"]\n  mirrors = [%q]\n", d.registry.Host)), 0o600); err != nil {
		return "", err
	}
	defer func() {
		err = errors.Join(err, d.dlvgen(context.WithoutCancel(ctx), io.Discard, "buildkit", "stop"))
	}()
	production := d.registry.Ref("hello:v1")
	var printed strings.Builder
	err = d.dlvgen(ctx, io.MultiWriter(d.out, &printed),
		"build", service, "-t", production, "--variant", "remote,remote-src", "--push", "--progress", "plain")
	if err != nil {
		return "", err
	}
	for ref := range strings.FieldsSeq(printed.String()) {
		if name, _, ok := strings.Cut(ref, "@"); ok && strings.HasSuffix(name, "-debug") {
			return ref, nil
		}
	}
	return "", fmt.Errorf("dlvgen did not print the reference of the debug image: %q", printed.String())
}

// dlvgen runs the dlvgen of bin/ with a buildkitd and caches of the demo's own.
func (d *demo) dlvgen(ctx context.Context, stdout io.Writer, args ...string) error {
	d.say("$ dlvgen " + strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, filepath.Join(d.root, "bin", "dlvgen"), args...)
	cmd.Dir = d.root
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+d.state, "XDG_RUNTIME_DIR="+d.state, "DLVGEN_BUILDKITD_CONFIG="+d.config(), "BUILDKIT_HOST=")
	cmd.Stdout, cmd.Stderr = stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running dlvgen %s: %w", args[0], err)
	}
	return nil
}

func (d *demo) config() string { return filepath.Join(d.state, "buildkitd.toml") }

// debug runs the image and stops it at a breakpoint.
func (d *demo) debug(ctx context.Context, ref string) (err error) {
	d.say("$ docker run -d -p 127.0.0.1::8000 -p 127.0.0.1::12345 " + ref)
	container, err := d.docker.Start(ctx, "--publish", "127.0.0.1::8000", "--publish", "127.0.0.1::12345", ref)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, container.Remove(context.WithoutCancel(ctx))) }()
	debugger, err := container.Addr(ctx, debugPort)
	if err != nil {
		return err
	}
	app, err := container.Addr(ctx, appPort)
	if err != nil {
		return err
	}
	d.say("$ dlv connect " + debugger)
	client, err := testenv.ConnectDelve(ctx, debugger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()

	page := make(chan string, 1)
	d.say("(dlv) break " + function + "\n(dlv) continue\n$ curl http://" + app + "/?name=gopher")
	_, err = client.HitFunction(ctx, function, func(ctx context.Context) error {
		body, err := testenv.Get(ctx, "http://"+app+"/?name=gopher")
		page <- body
		return err
	})
	if err != nil {
		return err
	}
	if err := d.look(client); err != nil {
		return err
	}
	return d.finish(ctx, client, container, page)
}

// finish lets the program go on, prints the page and how the container ends.
func (d *demo) finish(ctx context.Context, client *testenv.Delve, container *testenv.Container, page <-chan string) error {
	d.say("(dlv) clearall\n(dlv) continue")
	breakpoints, err := client.ListBreakpoints(false)
	if err != nil {
		return err
	}
	for _, b := range breakpoints {
		if b.ID > 0 {
			if _, err := client.ClearBreakpoint(b.ID); err != nil {
				return err
			}
		}
	}
	client.Continue()
	select {
	case body := <-page:
		fmt.Fprintf(d.out, "%s", body)
	case <-time.After(10 * time.Second):
		return errors.New("the program does not answer after it was continued")
	}
	d.say("$ docker stop " + container.ID[:12])
	code, err := container.Stop(ctx)
	if err != nil {
		return err
	}
	d.say(fmt.Sprintf("The program ended by its own SIGTERM handler, exit code %d, as in production.", code))
	return nil
}

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
