package frontend

import (
	"fmt"

	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/gateway/client"
)

// ToolsSource says where a build's tools come from.
type ToolsSource func(client.BuildOpts) (llbgen.Tools, error)

// LocalTools takes the tree of tools from the session's local mount of that name.
// BuildKit compares local files by size and time only, so a name must not be used
// for two trees.
func LocalTools(name string) ToolsSource {
	return func(opts client.BuildOpts) (llbgen.Tools, error) {
		return llbgen.Tools{
			State: llb.Local(name,
				llb.SessionID(opts.SessionID),
				llb.SharedKeyHint(name),
				llb.WithCustomName("[dlvgen] load tools"),
			),
			Root: "/",
		}, nil
	}
}

// imageRoot is where the frontend's image has the tree of tools.
const imageRoot = "/tools"

// ImageTools takes the tree of tools from the frontend's own image, which the
// gateway names in the attribute "source".
func ImageTools() ToolsSource {
	return func(opts client.BuildOpts) (llbgen.Tools, error) {
		ref := opts.Opts["source"]
		if ref == "" {
			return llbgen.Tools{}, fmt.Errorf(`the gateway did not say which image this frontend is from: the attribute "source" is missing`)
		}
		return llbgen.Tools{
			State: llb.Image(ref, llb.WithCustomName("[dlvgen] load tools from "+ref)),
			Root:  imageRoot,
		}, nil
	}
}
