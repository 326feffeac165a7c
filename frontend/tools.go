package frontend

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/gateway/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// ToolsSource says where a build's tools come from.
type ToolsSource func(context.Context, client.Client) (llbgen.Tools, error)

// LocalTools takes each tool from a local mount of the build's session, which has the
// file layout.ToolArchive. names has the mounts' names by the tools' paths in the tree of
// tools: "linux_amd64/delve/1.27.2". BuildKit compares local files by size and time only, so
// a name must not be used for two contents. A tool that no step needs is not asked for.
func LocalTools(names map[string]string) ToolsSource {
	return func(_ context.Context, c client.Client) (llbgen.Tools, error) {
		return localTools(names, c.BuildOpts().SessionID), nil
	}
}

// SessionTools is LocalTools with another session than the build's.
func SessionTools(names map[string]string, session string) ToolsSource {
	return func(context.Context, client.Client) (llbgen.Tools, error) { return localTools(names, session), nil }
}

func localTools(names map[string]string, session string) llbgen.Tools {
	return func(p ocispecs.Platform, tool string) llbgen.File {
		platform := layout.Platform(p.OS, p.Architecture, p.Variant)
		for at := tool; at != "."; at = path.Dir(at) {
			if name, ok := names[path.Join(platform, at)]; ok {
				return llbgen.File{State: unpacked(name, session, at, platform), Path: path.Join("/", tool)}
			}
		}
		return llbgen.File{State: failing(fmt.Errorf("this dlvgen has no %s for %s/%s", tool, p.OS, p.Architecture)), Path: "/"}
	}
}

// unpacked has a tool at its path. The builder unpacks it: what is sent is compressed.
func unpacked(name, session, tool, platform string) llb.State {
	archive := llb.Local(name,
		llb.SessionID(session),
		llb.SharedKeyHint(name),
		llb.WithCustomNamef("[dlvgen] load %s for %s", tool, platform),
	)
	return llb.Scratch().File(
		llb.Copy(archive, path.Join("/", layout.ToolArchive), "/", &llb.CopyInfo{AttemptUnpack: true}),
		llb.WithCustomNamef("[dlvgen] unpack %s for %s", tool, platform),
	)
}

// failing is a state that cannot be had.
func failing(err error) llb.State {
	return llb.Scratch().Async(func(context.Context, llb.State, *llb.Constraints) (llb.State, error) {
		return llb.State{}, err
	})
}

// ImageTools takes the tools from the image that the frontend itself runs from. The
// gateway hands its definition on, with the digest that it runs: the name that the
// user gave may lead to another image by now, or only in a named context.
func ImageTools() ToolsSource {
	return func(ctx context.Context, c client.Client) (llbgen.Tools, error) {
		if gateway, ok := c.(interface{ CurrentFrontend() (*llb.State, error) }); ok {
			running, err := gateway.CurrentFrontend()
			if err != nil {
				return nil, fmt.Errorf("reading which image the frontend is from: %w", err)
			}
			if running != nil {
				return runningTools(ctx, c, *running)
			}
		}
		// BuildKit 0.8 does not hand on what it runs.
		name := c.BuildOpts().Opts["source"]
		if name == "" {
			return nil, errors.New(`the gateway did not say which image this frontend is from: the attribute "source" is missing`)
		}
		return NamedImageTools(name, nil)(ctx, c)
	}
}
