package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// watchAnswers is what `dlvgen watch` says when the debugger of a new container answers.
var watchAnswers = regexp.MustCompile(`dlvgen: the debugger of .* answers at ([0-9.]+:[0-9]+)`)

// stoppedByWatch is an edit that `dlvgen watch` sees, and the breakpoint in the container that its
// command puts in the place of the one before.
func stoppedByWatch(ctx context.Context, b *bed) (s sample, err error) {
	w, err := b.watch(ctx)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, w.end()) }()
	if err := w.answers(); err != nil {
		return s, err
	}
	return b.on.timed(b.p, func() error {
		if err := w.answers(); err != nil {
			return err
		}
		delve, err := testenv.ConnectDelve(ctx, w.address)
		if err != nil {
			return err
		}
		_, err = delve.HitFunction(ctx, stopsAt, func(context.Context) error { return nil })
		return errors.Join(err, delve.Close())
	})
}

// watching is a `dlvgen watch` that runs.
type watching struct {
	cmd     *exec.Cmd
	lines   *bufio.Scanner
	said    []string
	address string
}

// watch starts one that replaces the container.
func (b *bed) watch(ctx context.Context) (*watching, error) {
	command := fmt.Sprintf("docker rm --force %s >/dev/null 2>&1; docker run --detach --pull always --name %[1]s $DLVGEN_TAGS", container)
	args := slices.Replace(b.on.arguments(b.p, "remote", "--port", "0", "--run", command, "--progress", "quiet"), 0, 1, "watch")
	cmd := exec.CommandContext(ctx, b.on.dlvgen, append(args, b.p.dir)...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+b.engine.Host, "DOCKER_CONTEXT=")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	return &watching{cmd: cmd, lines: bufio.NewScanner(stderr)}, cmd.Start()
}

// answers waits until the debugger of a new container answers.
func (w *watching) answers() error {
	for w.lines.Scan() {
		w.said = append(w.said, w.lines.Text())
		if found := watchAnswers.FindStringSubmatch(w.lines.Text()); found != nil {
			w.address = found[1]
			return nil
		}
	}
	return fmt.Errorf("dlvgen watch has ended: %w\n%s", w.lines.Err(), strings.Join(w.said, "\n"))
}

// end interrupts it, as a user does.
func (w *watching) end() error {
	if err := w.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	for w.lines.Scan() { // it may have more to say
	}
	var exit *exec.ExitError
	if err := w.cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
		return fmt.Errorf("dlvgen watch ends with %w", err)
	}
	return nil
}
