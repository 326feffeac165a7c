package derive

import (
	"context"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/gateway/client"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// twoRefs has a reference whose file system is asked for, and one of what a step captured,
// which nobody gets before that.
type twoRefs struct {
	client.Client
	client.Reference
	asked chan struct{}
}

func (r twoRefs) Solve(context.Context, client.SolveRequest) (*client.Result, error) {
	res := client.NewResult()
	res.SetRef(r)
	return res, nil
}

func (r twoRefs) StatFile(context.Context, client.StatRequest) (*fstypes.Stat, error) {
	close(r.asked)
	return nil, context.Canceled // whatever fails is not the captures' concern
}

func (r twoRefs) ReadDir(ctx context.Context, _ client.ReadDirRequest) ([]*fstypes.Stat, error) {
	select {
	case <-r.asked:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestTheRestOfProductionIsBuiltBesideTheCompile(t *testing.T) {
	ctx := proctest.Context(t)
	def, err := llb.Image("golang").Run(llb.Shlex("go build .")).Root().Marshal(ctx)
	if err != nil {
		t.Fatal(err)
	}
	made, err := llbgen.Instrument(def.ToPB(), llbgen.InstrumentOptions{Tools: llbgen.ToolsIn(llb.Image("tools"), "/tools")})
	if err != nil {
		t.Fatal(err)
	}
	refs := twoRefs{asked: make(chan struct{})}
	captures, err := capturesOf(ctx, refs, &build{Instrumented: made, ref: refs})
	if err != nil || len(captures) != 1 {
		t.Errorf("%d captures, %v", len(captures), err)
	}
	if _, err := capturesOf(ctx, refs, &build{Instrumented: made}); err != nil {
		t.Errorf("of production without files: %v", err)
	}
}
