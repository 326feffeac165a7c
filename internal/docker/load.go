package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/moby/moby/client"
)

// Load reads an image as `docker save` writes it, and returns when the engine has it.
func (e *Engine) Load(ctx context.Context, image io.Reader) error {
	response, err := e.ImageLoad(ctx, image, client.ImageLoadWithQuiet(true))
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

// Forget removes an image that has no name. What it is made of stays in the build cache. One
// that cannot be removed, because a container uses it, is as well where it is.
func (e *Engine) Forget(ctx context.Context, id string) {
	got, err := e.ImageInspect(ctx, id)
	if err != nil || len(got.RepoTags) > 0 || len(got.RepoDigests) > 0 {
		return
	}
	_, _ = e.ImageRemove(ctx, id, client.ImageRemoveOptions{})
}
