package bake

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/internal/emulation"
	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/moby/buildkit/session/filesync"
)

// warnEmulated tells where an image is loaded into a Docker Engine that runs it under emulation.
func (b *builder) warnEmulated(ctx context.Context) error {
	if !b.loads() || len(b.platforms) != 1 {
		return nil
	}
	own, err := b.engine.Platform(ctx)
	if p := b.platforms[0]; err == nil && !emulation.Native(p, own) {
		b.notify("warning: " + emulation.Warning("Docker Engine can run images for "+platforms.FormatAll(p)+" only", p, own))
	}
	return err
}

// imageLoad pipes one exported image into Docker Engine.
type imageLoad struct {
	mu   sync.Mutex
	pipe *io.PipeWriter // nil before the export begins
	done chan error
}

func newImageLoad() *imageLoad { return &imageLoad{done: make(chan error, 1)} }

// output begins the load when the exporter has something to write, and the engine's names
// are still dlvgen's to take. ctx is that of the whole run: the load may end after the build.
func (l *imageLoad) output(ctx context.Context, e *docker.Engine, names []registry.Reference) filesync.FileOutputFunc {
	return func(map[string]string) (io.WriteCloser, error) {
		for _, name := range names {
			if err := guardEngine(ctx, e, name); err != nil {
				return nil, err
			}
		}
		r, w := io.Pipe()
		l.mu.Lock()
		l.pipe = w
		l.mu.Unlock()
		go func() {
			err := e.Load(ctx, r)
			// The exporter must not wait for a reader that is gone.
			_ = r.CloseWithError(errors.Join(err, io.ErrClosedPipe))
			l.done <- err
		}()
		return w, nil
	}
}

// wait returns when the image is loaded, with the load's own error; buildErr, that of
// the build, ends the load. A nil load has nothing to wait for.
func (l *imageLoad) wait(buildErr error) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	pipe := l.pipe
	l.mu.Unlock()
	if pipe == nil {
		return nil
	}
	if buildErr != nil {
		_ = pipe.CloseWithError(buildErr)
	}
	err := <-l.done
	if buildErr != nil && errors.Is(err, buildErr) {
		return nil
	}
	return err
}
