package llbgen

import (
	"path"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/moby/buildkit/client/llb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Tools says where a platform's tool stands, by its path in its folder of the tree of
// tools: layout.ToolBin, or a file in it. A state that cannot be had fails when it is
// marshalled.
type Tools func(p ocispecs.Platform, tool string) File

// ToolsIn is the tree of tools in a state, laid out as package layout says: a folder per
// platform below root.
func ToolsIn(st llb.State, root string) Tools {
	return func(p ocispecs.Platform, tool string) File {
		return File{st, path.Join("/", root, layout.Platform(p.OS, p.Architecture, p.Variant), tool)}
	}
}

// captureFolder is the folder of a capture output that steps write to.
const captureFolder = "/capture"
