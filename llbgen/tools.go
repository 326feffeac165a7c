package llbgen

import (
	"path"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/moby/buildkit/client/llb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Tools is the tree of programs that steps and images are given, laid out as
// package layout says: a folder per platform below Root.
type Tools struct {
	State llb.State

	// Root is the tree's place in State: "/" or "/tools".
	Root string
}

// Path is where a platform's tool stands in the state.
func (t Tools) Path(p ocispecs.Platform, tool string) string {
	return path.Join("/", t.Root, layout.Platform(p.OS, p.Architecture, p.Variant), tool)
}

// captureFolder is the folder of a capture output that steps write to.
const captureFolder = "/capture"
