package frontend_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/solver/errdefs"
)

func TestCompileErrorsAreTheCompilersOwn(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	solved, err := tryDerive(ctx, t, bk, derivation{service: testenv.Service(t, "compileerror"), options: variant("remote"), push: reg.Ref("refused/compileerror:v1-debug")})
	if err == nil {
		t.Fatal("a program that does not compile was derived")
	}
	if !strings.Contains(solved.Log, `main.go:5:17: cannot use "12345"`) {
		t.Errorf("the compiler's message is not in the log: %s", solved.Log)
	}
	if !strings.Contains(err.Error(), "go build -o /server .") || !strings.Contains(err.Error(), "exit code: 1") {
		t.Errorf("the error does not name the step: %v", err)
	}
	sources := errdefs.Sources(err)
	if len(sources) == 0 {
		t.Fatalf("the error does not point at the Dockerfile: %v", err)
	}
	lines := strings.Split(string(sources[0].Info.Data), "\n")
	if line := lines[sources[0].Ranges[0].Start.Line-1]; !strings.Contains(line, "go build") {
		t.Errorf("the error points at %q", line)
	}
	notPushed(t, reg, "refused/compileerror:v1-debug")
}

func TestRefusalsNameTheCause(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	onPort := func(listen string) variants.Request {
		o := variant("remote")
		o.Listen = listen
		return o
	}
	for _, tc := range []struct {
		name       string
		service    string
		dockerfile string // replaces the service's own
		options    variants.Request
		want       []string
	}{
		{name: "no Go program", service: "nogo", want: []string{"/bin/httpd", "CMD", "not a Go program"}},
		{name: "nothing starts", service: "hello", dockerfile: "FROM scratch\nCOPY main.go /\n", want: []string{"neither ENTRYPOINT nor CMD"}},
		{name: "program missing", service: "hello", dockerfile: "FROM scratch\nCOPY main.go /\nENTRYPOINT [\"/server\"]\n", want: []string{`"/server"`, "no such file"}},
		{name: "script", service: "hello", dockerfile: "FROM alpine:3\nRUN printf '#!/bin/sh\\nexec true\\n' >/start.sh && chmod +x /start.sh\nCMD [\"/start.sh\"]\n",
			want: []string{"/start.sh", `script for "/bin/sh"`}},
		{name: "ready-made and stripped", service: "prebuilt", want: []string{"/server", "no debug information", "copied as a finished binary from the build context, /bin/server"}},
		{name: "stripped afterwards", service: "hello", want: []string{"/server", "no debug information", "changed afterwards", "go build"},
			dockerfile: "FROM golang:1.26 AS build\nWORKDIR /src\nCOPY . .\nRUN CGO_ENABLED=0 go build -o /server .\nRUN /usr/bin/strip /server\nFROM scratch\nCOPY --from=build /server /server\nENTRYPOINT [\"/server\"]\n"},
		{name: "the app has the port", service: "hello", options: onPort(":12345"), want: []string{"12345/tcp", "--listen=:12346"}},
		{name: "Delve is there", service: "hello", want: []string{"/dlv", "already"},
			dockerfile: "FROM golang:1.26\nWORKDIR /src\nCOPY . .\nRUN go build -o /server . && touch /dlv\nENTRYPOINT [\"/server\"]\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx := deadline(t)
			service := testenv.Service(t, tc.service)
			if tc.service == "prebuilt" {
				buildStripped(t, service)
			}
			if tc.dockerfile != "" {
				if err := os.WriteFile(filepath.Join(service, "Dockerfile"), []byte(tc.dockerfile), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if tc.options.Variant.Name == "" {
				tc.options = variant("remote")
			}
			image := "refused/" + tc.service + ":v1-debug"
			_, err := tryDerive(ctx, t, bk, derivation{service: service, options: tc.options, push: reg.Ref(image)})
			if err == nil {
				t.Fatal("it was derived")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error is %q, want %q in it", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has more than one line: %q", err)
			}
			notPushed(t, reg, image)
		})
	}
}

// buildStripped makes the binary that the service's Dockerfile copies in.
func buildStripped(t *testing.T, service string) {
	t.Helper()
	cmd := exec.CommandContext(proctest.Context(t), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", "bin/server", ".")
	cmd.Dir, cmd.Env = service, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func notPushed(t *testing.T, reg *testenv.Registry, image string) {
	t.Helper()
	reg.Lacks(t, image)
}
