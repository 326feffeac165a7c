package buildkit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// process is a handle on a running process that stays with it when its pid is
// reused (man 2 pidfd_open).
type process struct {
	pid, fd int
}

// openProcess returns the process of that pid, and nil where there is none.
func openProcess(pid int) (*process, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening process %d: %w", pid, err)
	}
	return &process{pid: pid, fd: fd}, nil
}

func (p *process) close() { _ = unix.Close(p.fd) }

// stop asks the process to end, kills it when grace has passed, and returns when
// it has ended.
func (p *process) stop(ctx context.Context, grace time.Duration) error {
	for _, signal := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		if ended, err := p.send(ctx, signal, grace); err != nil || ended {
			return err
		}
	}
	return fmt.Errorf("buildkitd, process %d, is still running after it was killed: a build step may hang in the kernel", p.pid)
}

// send sends a signal that ends the process, and reports whether it ended within the
// limit.
func (p *process) send(ctx context.Context, signal unix.Signal, limit time.Duration) (bool, error) {
	if err := unix.PidfdSendSignal(p.fd, signal, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return false, fmt.Errorf("sending %v to buildkitd, process %d: %w", signal, p.pid, err)
	}
	return p.wait(ctx, limit)
}

// wait reports whether the process ended within the limit.
func (p *process) wait(ctx context.Context, limit time.Duration) (bool, error) {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		// Short polls, so that the context is heeded.
		fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(min(time.Until(deadline), 100*time.Millisecond).Milliseconds())+1)
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
