package derive

import (
	"context"
	"strings"
	"testing"

	"github.com/containerd/platforms"
	"github.com/dlvgen/dlvgen/internal/derive/gatewaytest"
	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/gateway/client"
	digest "github.com/opencontainers/go-digest"
)

// warned is a builder of linux/amd64 that keeps warnings.
type warned struct {
	*gatewaytest.Client
	texts []string
}

func (w *warned) Warn(_ context.Context, _ digest.Digest, text string, _ client.WarnOpts) error {
	w.texts = append(w.texts, text)
	return nil
}

func TestStepsUnderEmulationAreWarnedOf(t *testing.T) {
	step := func(platform string) llb.State {
		return llb.Image("base", llb.Platform(platforms.MustParse(platform))).Run(llb.Shlex("compile"), llb.Platform(platforms.MustParse(platform))).Root()
	}
	for name, test := range map[string]struct {
		image string
		st    llb.State
		want  string
	}{
		"native":         {"linux/amd64", step("linux/amd64"), ""},
		"included":       {"linux/386", step("linux/386"), ""},
		"emulated":       {"linux/arm64", step("linux/arm64"), "steps for linux/arm64 run under emulation on linux/amd64. "},
		"cross-compiled": {"linux/arm64", llb.Scratch().File(llb.Copy(step("linux/amd64"), "/server", "/server")), ""},
		"emulated before": {"linux/amd64", llb.Scratch().File(llb.Copy(step("linux/arm/v7"), "/server", "/server")),
			"steps for linux/arm/v7 run"},
	} {
		def, err := test.st.Marshal(t.Context(), llb.Platform(platforms.MustParse(test.image)))
		if err != nil {
			t.Fatal(err)
		}
		c := &warned{Client: &gatewaytest.Client{T: t}}
		d := &Deriver{client: &instrumenter{Client: c}}
		if err := d.warnEmulated(t.Context(), production.Image{Solve: client.SolveRequest{Definition: def.ToPB()}}); err != nil {
			t.Fatal(err)
		}
		text := strings.Join(c.texts, "\n")
		if _, told, err := d.emulation(production.Image{Solve: client.SolveRequest{Definition: def.ToPB()}}); err != nil || told != text {
			t.Errorf("%s: explain tells %q, %v", name, told, err)
		}
		if test.want == "" && text != "" || !strings.HasPrefix(text, test.want) || len(c.texts) > 1 {
			t.Errorf("%s: warned %q, want %q", name, text, test.want)
		}
	}
}
