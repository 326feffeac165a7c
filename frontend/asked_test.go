package frontend_test

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/internal/tools"
	"github.com/moby/buildkit/frontend/gateway/client"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// asked counts what is asked of the builder about stages. Their inputs are what is
// solved at once, with Evaluate.
type asked struct {
	client.Client
	stages, files *atomic.Int32
}

func (a asked) Solve(ctx context.Context, req client.SolveRequest) (*client.Result, error) {
	res, err := a.Client.Solve(ctx, req)
	if err != nil || !req.Evaluate {
		return res, err
	}
	a.stages.Add(1)
	ref, err := res.SingleRef()
	if err != nil {
		return nil, err
	}
	res.SetRef(askedRef{Reference: ref, files: a.files})
	return res, nil
}

type askedRef struct {
	client.Reference
	files *atomic.Int32
}

func (a askedRef) StatFile(ctx context.Context, req client.StatRequest) (*fstypes.Stat, error) {
	a.files.Add(1)
	return a.Reference.StatFile(ctx, req)
}

func (a askedRef) ReadDir(ctx context.Context, req client.ReadDirRequest) ([]*fstypes.Stat, error) {
	a.files.Add(1)
	return a.Reference.ReadDir(ctx, req)
}

func TestAStageIsAskedOnceForItsToolchain(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, service := testenv.SharedBuildKit(t), testenv.Service(t, "hello")
	// Whether a shell in a shell compiles cannot be told before it runs.
	const dockerfile = `FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN sh -c 'exit 0'
RUN mkdir -p /out
RUN sh -c 'touch /out/x'
COPY go.mod /out/
FROM build AS more
RUN sh -c 'exit 0'
RUN CGO_ENABLED=0 go build -o /server .
FROM scratch
COPY --from=more /server /server
ENTRYPOINT ["/server"]
`
	if err := os.WriteFile(filepath.Join(service, "Dockerfile"), []byte(dockerfile), 0o600); err != nil {
		t.Fatal(err)
	}
	carried, err := tools.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	var stages, files atomic.Int32
	solved, err := bk.Solve(ctx, testenv.Solve{
		Context: service,
		Build: func(ctx context.Context, c client.Client) (*client.Result, error) {
			f := frontend.New(frontend.Config{Tools: frontend.LocalTools(carried.Names), Version: "test"})
			return f.Build(ctx, asked{Client: c, stages: &stages, files: &files})
		},
		Attrs:  frontend.Attrs(variant("remote")),
		Locals: carried.Mounts,
	})
	if err != nil {
		t.Fatalf("%v\n%s%s", err, solved, solved.Log)
	}
	if stages.Load() != 1 || files.Load() > 48 {
		t.Errorf("four steps of one stage asked for %d toolchains and %d files, want 1 and at most 48", stages.Load(), files.Load())
	}
	t.Logf("%d stages, %d files", stages.Load(), files.Load())
}
