package production

import (
	"cmp"
	"context"
	"sync"

	"github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/frontend/gateway/client"
)

// Dockerfile is the source that the options of a build name as docker build's do. It is
// read by BuildKit's own frontend.
type Dockerfile struct {
	// Name is what messages call what it was made from. The default is "the Dockerfile".
	Name string
}

// Load implements [Source].
func (d Dockerfile) Load(ctx context.Context, c client.Client) (*Production, error) {
	if err := checkSyntax(ctx, c); err != nil {
		return nil, err
	}
	r := &recorder{Client: c, requests: map[client.Reference]client.SolveRequest{}}
	res, err := builder.Build(ctx, r)
	if err != nil {
		return nil, err
	}
	images, err := imagesOf(res, r.requests)
	if err != nil {
		return nil, err
	}
	return &Production{Name: cmp.Or(d.Name, "the Dockerfile"), Images: images, Result: res}, nil
}

// recorder keeps what is solved. BuildKit builds it once something is read from it, which
// the Dockerfile frontend does with files of contexts alone.
type recorder struct {
	client.Client

	mu       sync.Mutex
	requests map[client.Reference]client.SolveRequest
}

// Solve implements client.Client.
func (r *recorder) Solve(ctx context.Context, req client.SolveRequest) (*client.Result, error) {
	res, err := r.Client.Solve(ctx, req)
	if err != nil || req.Definition == nil {
		return res, err
	}
	if ref, err := res.SingleRef(); err == nil && ref != nil {
		r.mu.Lock()
		r.requests[ref] = req
		r.mu.Unlock()
	}
	return res, nil
}
