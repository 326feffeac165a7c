package frontend

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	capspb "github.com/moby/buildkit/util/apicaps/pb"
)

// notADockerfile is a source that cannot be read.
type notADockerfile struct{ err error }

func (s notADockerfile) Load(context.Context, client.Client) (*production.Production, error) {
	return nil, s.err
}

// askedClient has the options of a build, and no builder: any other call panics.
type askedClient struct {
	client.Client
	caps []*capspb.APICap // of its BuildKit
}

func (c askedClient) BuildOpts() client.BuildOpts {
	return client.BuildOpts{Opts: map[string]string{"build-arg:DLVGEN_VARIANT": "remote"}, Caps: gwpb.Caps.CapSet(c.caps)}
}

func TestProductionComesFromTheSourceThatTheFrontendIsRunWith(t *testing.T) {
	unreadable := errors.New("the source cannot be read")
	f := New(Config{
		Source: notADockerfile{unreadable},
		Tools:  func(context.Context, client.Client) (llbgen.Tools, error) { return nil, nil },
	})
	for name, call := range map[string]client.BuildFunc{"build": f.Build, "explain": f.Explain} {
		if _, err := call(t.Context(), askedClient{caps: gwpb.Caps.All()}); !errors.Is(err, unreadable) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestABuildKitThatIsTooOldIsRefused has the capabilities of BuildKit 0.7.
func TestABuildKitThatIsTooOldIsRefused(t *testing.T) {
	old := askedClient{caps: slices.DeleteFunc(gwpb.Caps.All(), func(one *capspb.APICap) bool {
		return one.ID == string(gwpb.CapGatewayEvaluateSolve) || one.ID == string(gwpb.CapGatewayExec)
	})}
	f := New(Config{Tools: ImageTools()})
	for name, call := range map[string]client.BuildFunc{"build": f.Build, "explain": f.Explain} {
		if _, err := call(t.Context(), old); err == nil || !strings.Contains(err.Error(), "needs BuildKit 0.8 or later, which Docker Engine has from 20.10 on") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
