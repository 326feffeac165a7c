// Package gatewaytest has a client of a builder that has the build context and the configs of
// base images, and builds nothing. Any other call fails the test.
package gatewaytest

import (
	"context"
	"encoding/json"
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/patternmatcher"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// Client is a client.Client.
type Client struct {
	client.Client // nil: calls that are not below panic

	T testing.TB

	// Opts are the frontend attributes.
	Opts map[string]string

	// Context has the files of the build context, and the Dockerfile.
	Context fs.FS

	// Images are the configs of base images, by the names in the Dockerfile.
	Images map[string]ocispecs.ImageConfig
}

// BuildOpts implements client.Client: of a builder for linux/amd64 that can do all that
// BuildKit knows of.
func (c *Client) BuildOpts() client.BuildOpts {
	opts := map[string]string{"cmdline": ""}
	for name, value := range c.Opts {
		opts[name] = value
	}
	return client.BuildOpts{
		Opts: opts, LLBCaps: pb.Caps.CapSet(pb.Caps.All()), Caps: gwpb.Caps.CapSet(gwpb.Caps.All()),
		Workers: []client.WorkerInfo{{Platforms: []ocispecs.Platform{{OS: "linux", Architecture: "amd64"}}}},
	}
}

// Inputs implements client.Client.
func (c *Client) Inputs(context.Context) (map[string]llb.State, error) { return nil, nil }

// Warn implements client.Client.
func (c *Client) Warn(context.Context, digest.Digest, string, client.WarnOpts) error { return nil }

// ResolveImageConfig implements client.Client.
func (c *Client) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	name := strings.TrimPrefix(strings.TrimPrefix(ref, "docker.io/"), "library/")
	config, ok := c.Images[name]
	if !ok {
		c.T.Errorf("the config of %s is asked for, and not in the test", name)
		return "", "", nil, fs.ErrNotExist
	}
	dt, err := json.Marshal(ocispecs.Image{
		Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"}, Config: config,
		RootFS: ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString(name)}}, // one without is scratch
	})
	return ref, digest.FromBytes(dt), dt, err
}

// Solve implements client.Client. The result of a definition that is a source of local
// files alone can be read; of others nothing is.
func (c *Client) Solve(_ context.Context, req client.SolveRequest) (*client.Result, error) {
	res := client.NewResult()
	ref := &reference{t: c.T}
	if def := req.Definition.Def; len(def) == 2 { // the source, and what returns it
		var op pb.Op
		if err := op.UnmarshalVT(def[0]); err != nil {
			return nil, err
		}
		if strings.HasPrefix(op.GetSource().GetIdentifier(), "local://") {
			ref.files = c.Context
		}
	}
	res.SetRef(ref)
	return res, nil
}

// reference is a client.Reference, of no files where it is not built.
type reference struct {
	client.Reference

	t     testing.TB
	files fs.FS
}

// at is a path as fs.FS has it.
func (r *reference) at(p string) string {
	if r.files == nil {
		r.t.Errorf("%s is read of what would have to be built", p)
		r.t.FailNow()
	}
	return path.Join(".", strings.TrimPrefix(path.Clean("/"+p), "/"))
}

// ReadFile implements client.Reference.
func (r *reference) ReadFile(_ context.Context, req client.ReadRequest) ([]byte, error) {
	dt, err := fs.ReadFile(r.files, r.at(req.Filename))
	if g := req.Range; err == nil && g != nil {
		from := min(g.Offset, len(dt))
		to := len(dt)
		if g.Length > 0 {
			to = min(from+g.Length, to)
		}
		dt = dt[from:to]
	}
	return dt, err
}

// StatFile implements client.Reference.
func (r *reference) StatFile(_ context.Context, req client.StatRequest) (*fstypes.Stat, error) {
	info, err := fs.Stat(r.files, r.at(req.Path))
	if err != nil {
		return nil, err
	}
	return statOf(req.Path, info), nil
}

// ReadDir implements client.Reference.
func (r *reference) ReadDir(_ context.Context, req client.ReadDirRequest) ([]*fstypes.Stat, error) {
	entries, err := fs.ReadDir(r.files, r.at(req.Path))
	if err != nil {
		return nil, err
	}
	var stats []*fstypes.Stat
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		if req.IncludePattern != "" {
			if ok, err := patternmatcher.Matches(e.Name(), []string{req.IncludePattern}); err != nil || !ok {
				continue
			}
		}
		stats = append(stats, statOf(e.Name(), info))
	}
	return stats, nil
}

func statOf(name string, info fs.FileInfo) *fstypes.Stat {
	return &fstypes.Stat{Path: name, Mode: uint32(info.Mode()), Size: info.Size(), ModTime: info.ModTime().UnixNano()}
}
