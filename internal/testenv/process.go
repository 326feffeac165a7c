package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// stopGrace is how long a daemon may take to end after SIGTERM.
const stopGrace = 20 * time.Second

// process is a child daemon. It gets SIGTERM when this process dies.
type process struct {
	name string
	cmd  *exec.Cmd
	log  tail
	done chan struct{} // closed when the process has ended
}

// startProcess starts cmd and collects the end of what it prints.
func startProcess(name string, cmd *exec.Cmd) (*process, error) {
	p := &process{name: name, cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	diesWithThread(cmd)

	started := make(chan error)
	go func() {
		// The parent-death signal is bound to the thread that forked, so the
		// thread has to live as long as the child (golang.org/issue/27505).
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return p, nil
}

// waitReady calls ready until it succeeds. It fails, with the end of the log,
// when the process ends first or ctx does.
func (p *process) waitReady(ctx context.Context, ready func(context.Context) error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before it was ready (%s): %s", p.name, p.cmd.ProcessState, p.log.String())
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w: %s", p.name, errors.Join(err, ctx.Err()), p.log.String())
		case <-tick.C:
		}
	}
}

// stop ends the process and returns when it is gone.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return nil
	case <-time.After(stopGrace):
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("stopping %s: still running %s after SIGTERM, killed", p.name, stopGrace)
	}
}

// tail keeps the last bytes written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

// tailSize is how many bytes of a daemon's log are kept for error messages.
const tailSize = 16 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if len(t.buf) > tailSize {
		t.buf = bytes.Clone(t.buf[len(t.buf)-tailSize:])
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
