package production

import (
	"context"
	"fmt"
	"path"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/frontend/gateway/client"
)

// checkSyntax refuses a file that is written for another frontend than Dockerfiles
// are: BuildKit's Dockerfile frontend would read it as something else than it is.
func checkSyntax(ctx context.Context, c client.Client) error {
	ui, err := dockerui.NewClient(c)
	if err != nil {
		return err
	}
	// BuildKit's frontend reads the same file by the same definition, which is then
	// solved already.
	file, err := ui.ReadEntrypoint(ctx, "Dockerfile")
	if err != nil {
		return err
	}
	syntax, cmdline, _, ok := parser.DetectSyntax(file.Data)
	opts := c.BuildOpts().Opts
	if !ok || cmdline == opts["cmdline"] || syntax == opts["source"] || isDockerfileSyntax(syntax) {
		return nil // no line, the line that led here, one of the same image or one that means the same
	}
	return fmt.Errorf("%s is written for the frontend %s (its syntax line), and dlvgen derives from files for docker/dockerfile: name a Dockerfile with -f",
		file.Filename, syntax)
}

// isDockerfileSyntax tells whether an image is a Dockerfile frontend, or dlvgen's: by
// the last part of its name, since mirrors keep that.
func isDockerfileSyntax(image string) bool {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return false
	}
	switch path.Base(reference.Path(named)) {
	case "dockerfile", "dockerfile-upstream", "dlvgen":
		return true
	}
	return false
}
