package rebuild

import (
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dlvgen/dlvgen/internal/derive/find"
	"github.com/dlvgen/dlvgen/internal/derive/gatewaytest"
	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/buildkit/solver/pb"
)

// TestTheProgramOfAPublishedImageIsCompiledAgain has a checkout with two modules.
func TestTheProgramOfAPublishedImageIsCompiledAgain(t *testing.T) {
	checkout := fstest.MapFS{"go.mod": {Data: []byte("module example.com/b\n")}, "services/a/go.mod": {Data: []byte("module example.com/a\n")}}
	folder := production.Sources{Folder: true, Revision: commitOne}
	revision := debug.BuildSetting{Key: "vcs.revision", Value: commitOne}
	stripped := func(info *debug.BuildInfo) gobin.Facts { return gobin.Facts{GoVersion: "go1.22.3", Info: info} }
	optimized := func(info *debug.BuildInfo) gobin.Facts {
		return gobin.Facts{GoVersion: "go1.22.3", Info: info, DWARF: true, Symtab: true, Units: 1, Optimized: []string{"main"}}
	}
	debuggable := func(info *debug.BuildInfo) gobin.Facts {
		return gobin.Facts{GoVersion: "go1.22.3", Info: info, DWARF: true, Unoptimized: true}
	}
	secret := debug.BuildSetting{Key: "-ldflags", Value: "-s -w -X main.token=secret"}
	for name, tc := range map[string]struct {
		variant string
		ask     func(*variants.Request)
		sources production.Sources
		facts   gobin.Facts

		command string // "" for none
		place   string
		image   string
		err     string
	}{
		"from a folder of a checkout": {sources: folder, facts: stripped(infoOf("(devel)", revision)), command: "go build -o /rebuilt/server example.com/a/cmd",
			place: "the folder services/a of --source, which has its module", image: "golang:1.22.3 or golang:1.22"},
		"from the module proxy": {facts: stripped(infoOf("v1.2.3", debug.BuildSetting{Key: "-tags", Value: "x"})), command: "go install -tags=x example.com/a/cmd@v1.2.3",
			place: "the Go module proxy's example.com/a@v1.2.3"},
		"values of variables are not shown": {facts: stripped(infoOf("v1.2.3", secret)), command: "go install -ldflags=-s -w -X main.token=<sha256:974897> example.com/a/cmd@v1.2.3"},
		"in an image of the user's":         {ask: func(r *variants.Request) { r.RebuildImage = "go:1" }, facts: stripped(infoOf("v1.2.3")), command: "go install example.com/a/cmd@v1.2.3", image: "go:1"},
		"with trimpath":                     {facts: stripped(infoOf("v1.2.3", debug.BuildSetting{Key: "-trimpath", Value: "true"})), command: "go install -trimpath -ldflags=-s -w example.com/a/cmd@v1.2.3"},
		"a sidecar":                         {variant: "sidecar", facts: debuggable(infoOf("v1.2.3")), command: "go install example.com/a/cmd@v1.2.3"},
		"with sources":                      {variant: "remote-src", facts: debuggable(infoOf("v1.2.3")), command: "go install example.com/a/cmd@v1.2.3"},
		"that can be debugged":              {facts: debuggable(infoOf("v1.2.3"))},
		"that can be debugged, optimized":   {ask: func(r *variants.Request) { r.Optimize = true }, facts: optimized(infoOf("(devel)"))},

		"of another module": {sources: folder, facts: stripped(onGitHub("v1.2.3", revision)),
			err: "cannot be compiled again: --source has the module example.com/b, not github.com/a/b/v2: name a checkout of its repository with --source"},
		"without sources":                        {facts: stripped(infoOf("(devel)")), err: "/app/server, package example.com/a/cmd of module example.com/a (devel), compiled with go1.22.3, cannot be compiled again: (devel) is no version"},
		"without sources, with DWARF":            {facts: optimized(infoOf("(devel)")), err: "name its sources with --source (--optimize debugs it as it is: with optimizations, which hide variables and lines)"},
		"without the sources that are asked for": {variant: "remote-src", facts: optimized(infoOf("(devel)")), err: "(--optimize and --sources=excluded debug it as it is:"},
		"of a development version of Go": {facts: gobin.Facts{GoVersion: "devel go1.27-0123abc", Info: infoOf("v1.2.3")},
			err: "/app/server was compiled with devel go1.27-0123abc, which no golang image has: name an image with --toolchain"},
		"for musl": {facts: gobin.Facts{GoVersion: "go1.22.3", Info: infoOf("v1.2.3"), Interpreter: "/lib/ld-musl-x86_64.so.1"},
			err: "name an image with Go, a C compiler and musl with --toolchain"},
	} {
		variant := tc.variant
		if variant == "" {
			variant = "remote"
		}
		v, err := variants.ByName(variant)
		if err != nil {
			t.Fatal(err)
		}
		r := variants.NewRequest(v)
		r.Rebuild = variants.RebuildAuto
		if tc.ask != nil {
			tc.ask(&r)
		}
		m := ReadyMade{
			Client: &gatewaytest.Client{T: t, Context: checkout}, Request: r, Source: "app:v1",
			Program: &find.Program{Path: "/app/server", Facts: &tc.facts}, Published: &production.Published{Ref: "app:v1", Sources: tc.sources},
		}
		plan, err := m.Decide(t.Context())
		switch {
		case tc.err != "":
			if err == nil || !strings.Contains(err.Error(), tc.err) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: the error is %v, want %q", name, err, tc.err)
			}
			continue
		case err != nil || (plan != nil) != (tc.command != ""):
			t.Errorf("%s: %+v, %v", name, plan, err)
			continue
		case plan == nil:
			continue
		}
		if got := strings.Join(plan.Record.Command, " "); got != tc.command || tc.place != "" && plan.Place() != tc.place || tc.image != "" && plan.Record.Image != tc.image {
			t.Errorf("%s: %q from %q in %q", name, got, plan.Place(), plan.Record.Image)
		}
		if warned := slices.ContainsFunc(plan.Record.Warnings, func(w string) bool { return strings.Contains(w, "-trimpath") }); warned != strings.Contains(tc.command, "-trimpath") {
			t.Errorf("%s: the warnings are %q", name, plan.Record.Warnings)
		}
	}
}

func TestSecretsOfTheCompile(t *testing.T) {
	opts := publishedOptions(&dockerui.Client{}, production.Sources{Secrets: []string{"GOPROXY", "netrc", "token", "GIT_AUTH_TOKEN"}})
	def, err := llb.Scratch().Run(append(opts, llb.Args([]string{"go"}))...).Marshal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var op pb.Op
	if err := op.UnmarshalVT(def.Def[0]); err != nil {
		t.Fatal(err)
	}
	var places []string
	for _, m := range op.GetExec().GetMounts() {
		if m.MountType == pb.MountType_SECRET {
			places = append(places, m.SecretOpt.ID+" "+m.Dest)
		}
	}
	for _, v := range op.GetExec().GetSecretenv() {
		places = append(places, v.ID+" $"+v.Name)
	}
	if want := []string{"netrc /root/.netrc", "token /run/secrets/token", "GOPROXY $GOPROXY"}; !slices.Equal(places, want) {
		t.Errorf("the compile has %q, want %q", places, want)
	}
}
