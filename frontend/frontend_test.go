package frontend

import (
	"context"
	"errors"
	"testing"

	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/moby/buildkit/frontend/gateway/client"
)

// notADockerfile is a source that cannot be read.
type notADockerfile struct{ err error }

func (s notADockerfile) Load(context.Context, client.Client) (*production.Production, error) {
	return nil, s.err
}

// askedClient has the options of a build, and no builder: any other call panics.
type askedClient struct{ client.Client }

func (askedClient) BuildOpts() client.BuildOpts {
	return client.BuildOpts{Opts: map[string]string{"build-arg:DLVGEN_VARIANT": "remote"}}
}

func TestProductionComesFromTheSourceThatTheFrontendIsRunWith(t *testing.T) {
	unreadable := errors.New("the source cannot be read")
	f := New(Config{
		Source: notADockerfile{unreadable},
		Tools:  func(context.Context, client.Client) (llbgen.Tools, error) { return nil, nil },
	})
	for name, call := range map[string]client.BuildFunc{"build": f.Build, "explain": f.Explain} {
		if _, err := call(t.Context(), askedClient{}); !errors.Is(err, unreadable) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
