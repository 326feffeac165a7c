package frontend

import "github.com/moby/buildkit/frontend/gateway/client"

// hiding is a client that shows the options of production alone.
type hiding struct{ client.Client }

// BuildOpts hides dlvgen's own options. The command line is set, if only empty, so
// that a syntax line in the Dockerfile does not lead to another frontend, which
// would solve past this client. An SBOM of a debug image would describe production.
func (c hiding) BuildOpts() client.BuildOpts {
	opts := c.Client.BuildOpts()
	opts.Opts = without(opts.Opts)
	if _, ok := opts.Opts[keyCmdline]; !ok {
		opts.Opts[keyCmdline] = ""
	}
	delete(opts.Opts, "attest:sbom")
	return opts
}
