package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/containerd/console"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

// Command is one that runs in a container.
type Command struct {
	Words, Env []string

	In       io.Reader
	Out, Err io.Writer

	// Terminal is the user's, nil where In and Out are none: the command gets one too then.
	Terminal console.Console
}

// lookAtSize is how often the size of the user's terminal is looked at: not every system tells
// when it changes.
const lookAtSize = 300 * time.Millisecond

// Exec runs a command in a container until it ends, and returns its exit code.
func (e *Engine) Exec(ctx context.Context, container string, c Command) (code int, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("running %s in the container %s: %w", c.Words[0], container, err)
		}
	}()
	tty := c.Terminal != nil
	made, err := e.ExecCreate(ctx, container, client.ExecCreateOptions{
		Cmd: c.Words, Env: c.Env, TTY: tty, AttachStdin: true, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return 0, err
	}
	attached, err := e.ExecAttach(ctx, made.ID, client.ExecAttachOptions{TTY: tty})
	if err != nil {
		return 0, err
	}
	defer attached.Close()
	defer context.AfterFunc(ctx, attached.Close)()
	if tty {
		if err := c.Terminal.SetRaw(); err != nil {
			return 0, err
		}
		defer func() { _ = c.Terminal.Reset() }()
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		go e.follow(ctx, made.ID, c.Terminal)
	}
	go func() {
		_, _ = io.Copy(attached.Conn, c.In)
		if half, ok := attached.Conn.(client.CloseWriter); ok {
			_ = half.CloseWrite()
		}
	}()
	if tty {
		_, err = io.Copy(c.Out, attached.Reader)
	} else {
		_, err = stdcopy.StdCopy(c.Out, c.Err, attached.Reader)
	}
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err != nil && !errors.Is(err, net.ErrClosed):
		return 0, err
	}
	ended, err := e.ExecInspect(ctx, made.ID, client.ExecInspectOptions{})
	return ended.ExitCode, err
}

// follow gives the terminal of a command the size of the user's.
func (e *Engine) follow(ctx context.Context, id string, terminal console.Console) {
	ticker := time.NewTicker(lookAtSize)
	defer ticker.Stop()
	for last := (console.WinSize{}); ; {
		if now, err := terminal.Size(); err == nil && now != last {
			last = now
			_, _ = e.ExecResize(ctx, id, client.ExecResizeOptions{Height: uint(now.Height), Width: uint(now.Width)})
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
