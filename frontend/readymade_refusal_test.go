//go:build !race

// BuildKit resolves several base images at once, and writes one field from each
// (frontend/dockerfile/builder/resolvecache.go:30, v0.34.2).

package frontend_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
)

// TestReadyMadeProgramsAreRefusedWithWhatToDo compares whole lines: a derivation says what
// was explained before it.
func TestReadyMadeProgramsAreRefusedWithWhatToDo(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	var (
		stripped  = "it has no debug information: it was linked with -ldflags=-s or -w, or stripped afterwards"
		readyMade = "/server, which the image starts (ENTRYPOINT), cannot be debugged: " + stripped + "; it is copied as a finished binary from the build context, /bin/server "
		ours      = "(package example.com/prebuilt of module example.com/prebuilt (devel), compiled with " + runtime.Version() + ")"
		proxys    = "(package github.com/rakyll/hey of module github.com/rakyll/hey v0.1.4, compiled with " + runtime.Version() + ")"
	)
	bk := testenv.SharedBuildKit(t)
	for _, tc := range []struct {
		name    string
		module  string // of the context's go.mod, none where it is empty
		proxied bool   // the program is the module proxy's
		options variants.Request

		refusal string
	}{
		{
			name: "the context has its module", module: "example.com/prebuilt", options: variant("remote"),
			refusal: readyMade + ours + ": add --rebuild to compile it from the build context, which has its module",
		},
		{
			name: "the context has another module", module: "example.com/other", options: variant("remote"),
			refusal: readyMade + ours + ": compile it in the Dockerfile (--rebuild cannot: the build context has the module example.com/other, not example.com/prebuilt, " +
				"and (devel) is no version that the Go module proxy could have)",
		},
		{
			name: "the context has no module", proxied: true, options: variant("remote"),
			refusal: readyMade + proxys + ": add --rebuild to compile it from the Go module proxy's github.com/rakyll/hey@v0.1.4, or compile it in the Dockerfile",
		},
		{
			name: "another module, and it was asked for", module: "example.com/other", options: rebuilding("remote", variants.RebuildAuto),
			refusal: "--rebuild cannot compile /server, " + strings.Trim(ours, "()") + ": the build context has the module example.com/other, not example.com/prebuilt, " +
				"and (devel) is no version that the Go module proxy could have; compile it in the Dockerfile",
		},
		{
			name: "the context alone was asked for", proxied: true, options: rebuilding("remote", variants.RebuildContext),
			refusal: "--rebuild cannot compile /server, " + strings.Trim(proxys, "()") + ": the build context has no go.mod; compile it in the Dockerfile",
		},
		{
			name: "a sidecar", module: "example.com/prebuilt", options: variant("sidecar"),
			refusal: "no step of the Dockerfile compiled /server, so its symbols are not known: derive another variant, or compile it in the Dockerfile",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx := deadline(t)
			service := testenv.Service(t, "prebuilt")
			if tc.proxied {
				service = t.TempDir()
				write(t, service, "Dockerfile", proxiedDockerfile)
				goInstall(t, service, proxied)
			} else {
				buildStripped(t, service)
				write(t, service, "go.mod", "module "+tc.module+"\n")
			}
			d := derivation{service: service, options: tc.options}
			if _, err := tryDerive(ctx, t, bk, d); err == nil || !strings.HasSuffix(err.Error(), ": "+tc.refusal) {
				t.Errorf("derived:\n%v, want\n%s", err, tc.refusal)
			}
			if got := explain(ctx, t, bk, d).Refusal; got != tc.refusal {
				t.Errorf("explained:\n%s, want\n%s", got, tc.refusal)
			}
		})
	}
}

func TestARebuildIsExplained(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk := testenv.SharedBuildKit(t)
	script := "FROM alpine:3\nCOPY start.sh /\nCOPY bin/server /server\nCMD [\"/start.sh\"]\n"
	for name, dockerfile := range map[string]string{"direct": proxiedDockerfile, "script": script} {
		service := prebuilt(t, dockerfile)
		write(t, service, "start.sh", "#!/bin/sh\nexec /server\n")
		e := explain(ctx, t, bk, derivation{service: service, options: rebuilding("remote-src", variants.RebuildAuto)})
		if e.Refusal != "" || e.Ready || e.Rebuilt == nil {
			t.Errorf("%s: explained is %+v", name, e)
			continue
		}
		want := "go build -trimpath -ldflags=-s -w -o /rebuilt/server example.com/prebuilt"
		if got := strings.Join(e.Rebuilt.Command, " "); got != want || e.Rebuilt.Image != "golang:"+strings.TrimPrefix(runtime.Version(), "go")+" or golang:1.26" || e.Program != "/server" || e.Delve == "" {
			t.Errorf("%s: %q in %s of %s, Delve %s", name, got, e.Rebuilt.Image, e.Program, e.Delve)
		}
	}
}

// TestAnImageThatStartsDelveIsNotWrappedAgain has Delve compiled ahead, as images that
// are made for debugging have.
func TestAnImageThatStartsDelveIsNotWrappedAgain(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	bk := testenv.SharedBuildKit(t)
	dlv, err := testenv.Program(t.Context(), "dlv")
	if err != nil {
		t.Fatal(err)
	}
	const head = `FROM golang:1.26
WORKDIR /src
COPY . .
COPY dlv /go/bin/dlv
RUN CGO_ENABLED=0 go build -gcflags="all=-N -l" -o /server .
`
	for name, tc := range map[string]struct {
		end  string
		want string // "" where it is derived
	}{
		"in exec form":        {end: `ENTRYPOINT ["dlv", "exec", "--headless", "--listen=:2345", "/server"]`, want: "/go/bin/dlv (ENTRYPOINT)"},
		"in shell form":       {end: `CMD exec dlv exec --headless --listen=:2345 /server`, want: "/go/bin/dlv (CMD)"},
		"by a script":         {end: "RUN printf '#!/bin/sh\\nexec /go/bin/dlv exec /server\\n' >/start.sh && chmod +x /start.sh\nENTRYPOINT [\"/start.sh\"]", want: "/go/bin/dlv (ENTRYPOINT)"},
		"under another name":  {end: "RUN mv /go/bin/dlv /debugger\nENTRYPOINT [\"/debugger\", \"exec\", \"/server\"]", want: "/debugger (ENTRYPOINT)"},
		"it only lies there":  {end: `ENTRYPOINT ["/server"]`},
		"a program like that": {end: "RUN mv /server /usr/local/bin/dlv && rm /go/bin/dlv\nENTRYPOINT [\"dlv\"]"},
	} {
		t.Run(name, func(t *testing.T) {
			service := testenv.Service(t, "hello")
			data, err := os.ReadFile(dlv)
			if err == nil {
				err = os.WriteFile(filepath.Join(service, "dlv"), data, 0o700) //nolint:gosec // a program
			}
			if err != nil {
				t.Fatal(err)
			}
			write(t, service, "Dockerfile", head+tc.end+"\n")
			_, err = tryDerive(deadline(t), t, bk, derivation{service: service, options: variant("remote")})
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			want := ": the image starts Delve already, " + tc.want + ", and a program can have only one debugger: derive from the Dockerfile or the target that production runs, or use the image as it is"
			if err == nil || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("the error is %v, want one that ends with %q", err, want)
			}
		})
	}
}
