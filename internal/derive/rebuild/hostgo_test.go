package rebuild

import (
	"cmp"
	"context"
	"errors"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dlvgen/dlvgen/internal/derive/find"
	"github.com/dlvgen/dlvgen/internal/derive/gatewaytest"
	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/llbgen/llbtree"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client/llb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestGoOfTheCommandsMachine has one that gives each version, but for go1.20.
func TestGoOfTheCommandsMachine(t *testing.T) {
	cgo := debug.BuildSetting{Key: "CGO_ENABLED", Value: "1"}
	host := func(_ context.Context, version string, on ocispecs.Platform) (*HostToolchain, error) {
		if version == "go1.20" || on.Architecture != "amd64" {
			return nil, errors.New("offline")
		}
		return &HostToolchain{Files: llb.Local("go"), Root: "/" + version, Certificates: "/ca/bundle", Env: map[string]string{"GOPROXY": "https://proxy.example"}}, nil
	}
	for name, tc := range map[string]struct {
		version string
		info    *debug.BuildInfo
		variant string
		none    bool // no machine
		folder  bool // --source with one
		flagged bool // as --rebuild-image says
		image   string
		err     string
	}{
		"the program's version":        {version: "go1.22.3", info: infoOf("(devel)"), folder: true, image: "go1.22.3 of this machine"},
		"a version with experiments":   {version: "go1.26.8 X:jsonv2", info: infoOf("(devel)"), folder: true, image: "go1.26.8 of this machine"},
		"a version that cannot be had": {version: "go1.20", info: infoOf("(devel)"), folder: true, err: "compiling /app/server with --toolchain host: offline; or name an image with Go"},
		"a development version":        {version: "devel go1.27-0123abc", info: infoOf("v1.2.3"), err: `/app/server was compiled with "devel go1.27-0123abc", which is no released version of Go: name an image that has it with --toolchain`},
		"a version that is a path":     {version: "go1.2/../../etc", info: infoOf("v1.2.3"), err: "is no released version of Go"},
		"a sidecar with a commit":      {version: "go1.22.3", info: infoOf("(devel)", debug.BuildSetting{Key: "vcs.revision", Value: commitOne}), variant: "sidecar", folder: true, err: "/app/server has its commit in it, as a sidecar's symbols must, and --toolchain host brings no git"},
		"a sidecar without":            {version: "go1.22.3", info: infoOf("(devel)"), variant: "sidecar", folder: true, image: "go1.22.3 of this machine"},
		"cgo":                          {version: "go1.22.3", info: infoOf("v1.2.3", cgo), err: "was compiled with cgo (CGO_ENABLED=1), and --toolchain host brings no C compiler: name an image with Go and a C compiler with --toolchain"},
		"a frontend without a machine": {version: "go1.22.3", info: infoOf("v1.2.3"), none: true, err: "--toolchain host takes the Go of the machine that the dlvgen command runs on, and this build came without it"},
		"that, of a prebuilt program":  {version: "go1.22.3", info: infoOf("v1.2.3"), none: true, flagged: true, err: "--rebuild-image host takes the Go of"},
		"for a prebuilt program":       {version: "go1.22.3", info: infoOf("v1.2.3"), flagged: true, image: "go1.22.3 of this machine"},
	} {
		v, err := variants.ByName(cmp.Or(tc.variant, "remote"))
		if err != nil {
			t.Fatal(err)
		}
		r := variants.NewRequest(v)
		r.Rebuild, r.RebuildImage = variants.RebuildAuto, variants.RebuildHost
		m := ReadyMade{
			Client: &gatewaytest.Client{T: t, Context: fstest.MapFS{"go.mod": {Data: []byte("module example.com/a\n")}}}, Request: r, Source: "app:v1", HostGo: host,
			Program:   &find.Program{Path: "/app/server", Facts: &gobin.Facts{GoVersion: tc.version, Info: tc.info}},
			Published: &production.Published{Ref: "app:v1", Sources: production.Sources{Folder: tc.folder}},
		}
		if tc.none {
			m.HostGo = nil
		}
		if tc.flagged {
			m.Published = nil
		}
		plan, err := m.Decide(t.Context())
		var st llb.State
		if err == nil && (tc.folder || tc.flagged) {
			st, _, _, err = plan.State(t.Context())
		}
		if tc.err != "" || err != nil {
			if err == nil || tc.err == "" || !strings.Contains(err.Error(), tc.err) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: the error is %v, want %q", name, err, tc.err)
			}
			continue
		}
		def, err := st.Marshal(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tree, err := llbtree.Format(def.ToPB())
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"env GOTOOLCHAIN=local", "env GOPROXY=https://proxy.example", "env CGO_ENABLED=0", "local://go", "/etc/ssl/certs/ca-certificates.crt"} {
			if !strings.Contains(tree, want) {
				t.Errorf("%s: nothing of %q in\n%s", name, want, tree)
			}
		}
		if plan.Record.Image != tc.image || strings.Contains(tree, "docker-image://") {
			t.Errorf("%s: compiled in %s\n%s", name, plan.Record.Image, tree)
		}
	}
}
