package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/dlvgen/dlvgen/internal/registry"
	"github.com/moby/buildkit/session/filesync"
	engine "github.com/moby/moby/client"
)

// imageLoad pipes one exported image into Docker Engine.
type imageLoad struct {
	mu   sync.Mutex
	pipe *io.PipeWriter // nil before the export begins
	done chan error
}

func newImageLoad() *imageLoad { return &imageLoad{done: make(chan error, 1)} }

// output begins the load when the exporter has something to write, and the engine's names
// are still dlvgen's to take. ctx is that of the whole run: the load may end after the build.
func (l *imageLoad) output(ctx context.Context, e *dockerEngine, names []registry.Reference) filesync.FileOutputFunc {
	return func(map[string]string) (io.WriteCloser, error) {
		for _, name := range names {
			if err := e.guard(ctx, name); err != nil {
				return nil, err
			}
		}
		r, w := io.Pipe()
		l.mu.Lock()
		l.pipe = w
		l.mu.Unlock()
		go func() {
			err := loadImage(ctx, e.Client, r)
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

func loadImage(ctx context.Context, c *engine.Client, image io.Reader) error {
	response, err := c.ImageLoad(ctx, image, engine.ImageLoadWithQuiet(true))
	if err != nil {
		return fmt.Errorf("loading the image into Docker Engine: %w", err)
	}
	defer func() { _ = response.Close() }()
	for messages := json.NewDecoder(response); ; {
		var m struct {
			Error string `json:"error"`
		}
		err := messages.Decode(&m)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading Docker Engine's answer to the load: %w", err)
		case m.Error != "":
			return fmt.Errorf("loading the image into Docker Engine: %s", m.Error)
		}
	}
}
