package frontend

import (
	"maps"

	"github.com/moby/buildkit/frontend/gateway/client"
)

// hiding is a client that shows the options of production alone.
type hiding struct{ client.Client }

// BuildOpts hides dlvgen's own options. The command line is set, if only empty, so
// that a syntax line in the Dockerfile does not lead to another frontend, which
// would solve past this client.
func (c hiding) BuildOpts() client.BuildOpts {
	opts := c.Client.BuildOpts()
	opts.Opts = without(opts.Opts)
	if _, ok := opts.Opts[keyCmdline]; !ok {
		opts.Opts[keyCmdline] = ""
	}
	return opts
}

// alone hides what is asked for beside production: an SBOM, which is of no use without
// an image, and a subrequest.
type alone struct{ client.Client }

// BuildOpts implements client.Client.
func (c alone) BuildOpts() client.BuildOpts {
	opts := c.Client.BuildOpts()
	opts.Opts = maps.Clone(opts.Opts)
	delete(opts.Opts, keySBOM)
	delete(opts.Opts, keyRequest)
	return opts
}

const keySBOM = "attest:sbom"
