package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

const (
	container = "app"
	shell     = "$ "
	delve     = "(dlv) "
	address   = "127.0.0.1:" + port + "/?name=gopher"

	// pause is how long a result is left to be read.
	pause = 1200 * time.Millisecond
)

// record plays the session and returns its recording.
func record(ctx context.Context) (_ []byte, err error) {
	s, err := newStage(ctx)
	defer func() { err = errors.Join(err, s.close()) }()
	if err != nil {
		return nil, err
	}
	root, err := testenv.RepoRoot()
	if err != nil {
		return nil, err
	}
	t, err := openTerminal(ctx, s.folder, []string{
		"PATH=" + filepath.Join(root, "bin") + ":" + os.Getenv("PATH"), "HOME=" + s.state, "XDG_CACHE_HOME=" + s.state, "XDG_RUNTIME_DIR=" + s.state,
		"DOCKER_HOST=" + s.docker.Host, "BUILDKIT_HOST=" + s.builds.Addr, "TERM=xterm-256color", "PS1=" + shell, "LANG=C.UTF-8",
	})
	if err != nil {
		return nil, err
	}
	err = perform(t)
	if err := errors.Join(err, t.close()); err != nil {
		return nil, fmt.Errorf("%w; the terminal shows: %s", err, t.shown())
	}
	for _, place := range []string{s.state, s.docker.Host, s.builds.Addr} {
		if strings.Contains(t.shown(), place) {
			return nil, fmt.Errorf("the recording names %s, which only this machine has: record it again", place)
		}
	}
	return t.cast("Debug a production container")
}

// perform types what the session consists of, and waits for what it should show.
func perform(t *terminal) error {
	t.expect(shell)
	for _, step := range []struct{ line, shows, prompt string }{
		{"docker run -d --name app -p 127.0.0.1:" + port + ":12345 " + image, "", shell},
		{"curl '" + address + "'", "Hello, gopher!", shell},
		{"dlvgen build -t " + image + " --variant sidecar --load --progress quiet .", image + "-debug-sidecar", shell},
		{"dlvgen debug " + container, "debugging " + container, delve},
		{"break main.handler", "Breakpoint 1", delve},
	} {
		t.line(step.line)
		t.expect(step.shows)
		t.expect(step.prompt)
	}
	answer := make(chan error, 1)
	t.line("continue")
	t.caption("in another terminal: curl '" + address + "'")
	go func() {
		_, err := testenv.Get(t.ctx, "http://"+address)
		answer <- err
	}()
	t.expect("main.handler()")
	t.expect(delve)
	t.line("print r.URL.RawQuery")
	t.expect("name=gopher")
	t.expect(delve)
	t.line("clearall")
	t.expect("cleared")
	t.expect(delve)
	t.line("quit -c")
	t.expect(shell)
	if t.err == nil {
		t.err = <-answer
	}
	t.caption("the other terminal has its answer: Hello, gopher!")
	t.line("docker ps --format 'table {{.Names}}\\t{{.Image}}\\t{{.Status}}'")
	t.expect(image)
	t.expect(shell)
	return t.err
}
