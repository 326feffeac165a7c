package bake

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/tools"
	"github.com/moby/buildkit/client"
)

// FrontendImageVariable names the image of --frontend-image in the environment.
const FrontendImageVariable = "DLVGEN_FRONTEND_IMAGE"

// frontendRepository is where the frontend images of dlvgen's releases are.
const frontendRepository = "dlvgen/dlvgen"

// toolbox is where the builds' tools come from.
type toolbox struct {
	set *tools.Set

	// image is the frontend image that has them, where there is no set; why says why.
	image, why string
	source     frontend.ToolsSource // of the image
}

// newToolbox finds the tools: those of the frontend image that was asked for, else those
// that dlvgen carries, else those of the frontend image of its own version.
func newToolbox(asked string, embedded func() (*tools.Set, error), version string, tell func(string)) (*toolbox, error) {
	if asked != "" {
		return imageToolbox(asked, "as --frontend-image says", tell), nil
	}
	set, err := embedded()
	if !errors.Is(err, tools.ErrNone) {
		return &toolbox{set: set}, err
	}
	image, ok := OwnImage(version)
	if !ok {
		return nil, fmt.Errorf("%w, and is no release that has a frontend image: run `make build` and use bin/dlvgen, or name an image with --frontend-image", err)
	}
	return imageToolbox(image, "since this dlvgen was built without its tools", tell), nil
}

// OwnImage is the frontend image of a release, "dlvgen/dlvgen:1.2.3" of "v1.2.3".
func OwnImage(version string) (string, bool) {
	release, ok := strings.CutPrefix(version, "v")
	return frontendRepository + ":" + release, ok
}

func imageToolbox(image, why string, tell func(string)) *toolbox {
	t := &toolbox{image: image, why: why}
	t.source = frontend.NamedImageTools(image, func(resolved string) {
		tell(fmt.Sprintf("tools: from the frontend image %s, %s", resolved, why))
	})
	return t
}

// serve offers a BuildKit the tools in a session of their own, until done is called, and
// returns the frontend's way to them. BuildKit keeps what one session sent for the next one
// with the same shared key, which other sessions have of their context: a tool that was sent
// for one project is there for all.
func (t *toolbox) serve(ctx context.Context, c *client.Client) (source frontend.ToolsSource, done func(), err error) {
	if t.set == nil {
		return t.source, func() {}, nil
	}
	s, err := serve(ctx, c, "dlvgen", t.set.Mounts)
	if err != nil {
		return nil, nil, err
	}
	return frontend.SessionTools(t.set.Names, s.ID()), func() { _ = s.Close() }, nil
}
