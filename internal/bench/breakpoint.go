package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

const (
	// container is the name of the one that edits replace.
	container = "dlvgen-bench"
	// delvePort is where the Delve of debug images listens.
	delvePort = 8000
	// stopsAt is the function at which every program stops.
	stopsAt = "main.main"
)

// setDebugged is for edits of miniflux in a container of Docker Engine.
func setDebugged(ctx context.Context, l *lab) (*bed, error) {
	b, err := setMiniflux(ctx, l)
	if err != nil {
		return nil, err
	}
	return b, b.useDocker(ctx)
}

// useDocker gives a bed the engine. The container, and the images that were pulled, are
// removed when it is closed.
func (b *bed) useDocker(ctx context.Context) (err error) {
	if b.engine, err = b.lab.docker(); err != nil {
		return err
	}
	b.closers = append(b.closers, func() error {
		ctx := context.WithoutCancel(ctx)
		_ = b.remove(ctx) // the images are removed by force
		images, err := b.engine.CLI(ctx, "image", "ls", "--quiet", "--no-trunc", b.on.uploads.Host+"/*/*")
		ids := slices.Sorted(strings.FieldsSeq(images))
		if ids = slices.Compact(ids); err == nil && len(ids) > 0 {
			_, err = b.engine.CLI(ctx, append([]string{"image", "rm", "--force"}, ids...)...)
		}
		return err
	})
	return nil
}

// stopped is an edit, a build and a push by dlvgen, and the breakpoint in the container
// that replaces the one before.
func stopped(ctx context.Context, b *bed) (sample, error) {
	return b.on.timed(b.p, func() error {
		if err := b.on.derive(ctx, b.p, "remote"); err != nil {
			return err
		}
		return b.replace(ctx, b.on.ref(b.p)+"-debug", delvePort)
	})
}

// stoppedByKo is the same with ko's image.
func stoppedByKo(ctx context.Context, b *bed) (sample, error) {
	return b.on.timed(b.p, func() error {
		image, err := b.ko.build(ctx, b.p, "--disable-optimizations")
		if err != nil {
			return err
		}
		return b.replace(ctx, image, koPort)
	})
}

// replace runs an image, which is pulled, in place of the container before.
func (b *bed) replace(ctx context.Context, image string, port int) error {
	if err := b.remove(ctx); err != nil {
		return err
	}
	return b.stopIn(ctx, port, "--pull", "always", image)
}

// remove removes the container, where there is one.
func (b *bed) remove(ctx context.Context) error {
	_, err := b.engine.CLI(ctx, "rm", "--force", container)
	if err != nil && strings.Contains(err.Error(), "No such container") {
		return nil
	}
	return err
}

// stopIn starts a container and waits until its program has stopped: args are those of
// `docker run` that name the image, and what follows it.
func (b *bed) stopIn(ctx context.Context, port int, args ...string) error {
	args = append([]string{"--name", container, "--publish", "127.0.0.1::" + strconv.Itoa(port)}, args...)
	c, err := b.engine.Start(ctx, args...)
	if err != nil {
		return err
	}
	if err := stopAt(ctx, c, port); err != nil {
		logs, _ := c.Logs(ctx)
		return fmt.Errorf("%w\n%s", err, logs)
	}
	return nil
}

// stopAt continues a container's program to the breakpoint.
func stopAt(ctx context.Context, c *testenv.Container, port int) error {
	addr, err := c.Addr(ctx, port)
	if err != nil {
		return err
	}
	delve, err := testenv.ConnectDelve(ctx, addr)
	if err != nil {
		return err
	}
	_, err = delve.HitFunction(ctx, stopsAt, func(context.Context) error { return nil })
	return errors.Join(err, delve.Close())
}

// setStart is for containers of an image that Docker Engine has.
func setStart(ctx context.Context, l *lab) (*bed, error) {
	b, err := setMiniflux(ctx, l)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(b.on.derive(ctx, b.p, "remote"), b.useDocker(ctx)); err != nil {
		return nil, err
	}
	b.image = b.on.ref(b.p) + "-debug"
	if err := b.engine.Pull(ctx, b.image); err != nil {
		return nil, err
	}
	out, err := b.engine.CLI(ctx, "image", "inspect", "--format", "{{json .Config.Cmd}}", b.image)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(out), &b.command); err != nil || len(b.command) < 2 {
		return nil, fmt.Errorf("the command of %s is %q: %w", b.image, out, err)
	}
	return b, nil
}

// started starts a container of the debug image.
func started(ctx context.Context, b *bed) (sample, error) {
	return b.start(ctx, b.image)
}

// startedBare starts one with the same Delve and program, without init.
func startedBare(ctx context.Context, b *bed) (sample, error) {
	return b.start(ctx, append([]string{"--entrypoint", b.command[0], b.image}, b.command[1:]...)...)
}

// start times a container's start up to the breakpoint.
func (b *bed) start(ctx context.Context, args ...string) (sample, error) {
	if err := b.remove(ctx); err != nil {
		return sample{}, err
	}
	start := time.Now()
	err := b.stopIn(ctx, delvePort, args...)
	return sample{took: time.Since(start)}, err
}
