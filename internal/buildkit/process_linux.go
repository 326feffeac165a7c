package buildkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// process is a handle on a running process that stays with it when its pid is
// reused (man 2 pidfd_open).
type process struct {
	pid, fd int
}

// openProcess returns the process of that pid where marker is one of its arguments,
// and nil where there is no such process: the pid may belong to a stranger by now.
func openProcess(pid int, marker string) (*process, error) {
	if pid <= 0 {
		return nil, nil
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening process %d: %w", pid, err)
	}
	p := &process{pid: pid, fd: fd}
	// Read after the handle was taken, so both are of one process.
	args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || !slices.ContainsFunc(bytes.Split(args, []byte{0}), func(arg []byte) bool { return string(arg) == marker }) {
		p.close()
		return nil, nil
	}
	return p, nil
}

func (p *process) close() { _ = unix.Close(p.fd) }

// stop asks the process to end, kills it when grace has passed, and returns when
// it has ended.
func (p *process) stop(ctx context.Context, grace time.Duration) error {
	for _, step := range []struct {
		signal unix.Signal
		wait   time.Duration
	}{{unix.SIGTERM, grace}, {unix.SIGKILL, grace}} {
		if err := unix.PidfdSendSignal(p.fd, step.signal, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("sending %v to buildkitd, process %d: %w", step.signal, p.pid, err)
		}
		ended, err := p.wait(ctx, step.wait)
		if err != nil || ended {
			return err
		}
	}
	return fmt.Errorf("buildkitd, process %d, does not end even when killed: a build step may hang in the kernel", p.pid)
}

// wait reports whether the process ended within the limit.
func (p *process) wait(ctx context.Context, limit time.Duration) (bool, error) {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		// Short polls, so that the context is heeded.
		fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 100)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return false, fmt.Errorf("waiting for process %d: %w", p.pid, err)
		}
		if n > 0 {
			return true, nil
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
	}
	return false, nil
}
