//go:build !race

// BuildKit resolves several base images at once, and writes one field from each
// (frontend/dockerfile/builder/resolvecache.go:30, v0.34.2).

package frontend_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
)

// inGo begins an image that has Go and the sources.
const inGo = "FROM golang:1.26\nWORKDIR /src\nCOPY . .\n"

// TestImagesThatCompileWhenTheyStartAreRefusedAsSuch compares whole lines, those of a
// derivation and those that are explained before it.
func TestImagesThatCompileWhenTheyStartAreRefusedAsSuch(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	const (
		build = "compile it in the Dockerfile (RUN go build) and start the program"
		other = build + ", or derive from the Dockerfile or target that production runs"
		ahead = "add --rebuild=context to compile it before and start that, or " + build
	)
	air := map[string]string{"air/go.mod": "module github.com/air-verse/air\n", "air/main.go": "package main\n\nfunc main() {}\n"}
	nodemon := map[string]string{"nodemon": "#!/bin/sh\nexec false\n"}
	bk := testenv.SharedBuildKit(t)
	for _, tc := range []struct {
		name       string
		dockerfile string
		files      map[string]string
		options    variants.Request
		want       string
	}{
		{name: "go run", dockerfile: inGo + "CMD [\"go\", \"run\", \".\"]\n", want: "(CMD: go run .): " + ahead},
		{name: "go run in a shell", dockerfile: inGo + "ENTRYPOINT go run ./cmd -v\n", want: "(ENTRYPOINT: go run ./cmd -v): " + ahead},
		{name: "go run with its full name behind a launcher", dockerfile: inGo + "ENTRYPOINT [\"nice\", \"/usr/local/go/bin/go\", \"run\", \"main.go\"]\n", want: "(ENTRYPOINT: go run main.go): " + ahead},
		{name: "go run after something else", dockerfile: inGo + "CMD go mod download && go run .\n", want: "(CMD: go run .): " + other},
		{name: "go run in a script", dockerfile: inGo + "RUN chmod +x start.sh\nCMD [\"./start.sh\"]\n", files: map[string]string{"start.sh": "#!/bin/sh\nset -e\nexec go run .\n"}, want: "(CMD: go run .): " + other},
		{name: "go build and what it made", dockerfile: inGo + "CMD go build -o /tmp/app . && /tmp/app\n", want: "(CMD: go build -o /tmp/app .): " + other},
		{name: "make", dockerfile: inGo + "CMD [\"make\", \"run\"]\n", files: map[string]string{"Makefile": "GO ?= go\n\nall:\n\tfalse\nrun:\n\t@$(GO) run .\n"}, want: "(CMD: go run .): " + other},
		{name: "air", dockerfile: inGo + "RUN go -C air install github.com/air-verse/air\nCMD [\"air\", \"-c\", \".air.toml\"]\n", files: air, want: "(CMD: air -c .air.toml): " + other},
		{name: "nodemon", dockerfile: inGo + "COPY --chmod=755 nodemon /usr/local/bin/\nCMD [\"nodemon\", \"--exec\", \"go run .\"]\n", files: nodemon, want: "(CMD: nodemon --exec go run .): " + other},
		{name: "attach", dockerfile: inGo + "CMD [\"go\", \"run\", \".\"]\n", options: variant("attach"), want: "(CMD: go run .): " + other},
		{name: "a rebuild of more", dockerfile: inGo + "CMD go mod download && go run .\n", options: rebuilding("remote", variants.RebuildContext),
			want: "(CMD: go run .), and --rebuild cannot compile it in advance: the image starts more than go run; " + other},
		{name: "a rebuild of another folder", dockerfile: inGo + "CMD go run -C sub .\n", options: rebuilding("remote", variants.RebuildAuto),
			want: "(CMD: go run -C sub .), and --rebuild cannot compile it in advance: go run has -C or -exec; " + other},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx := deadline(t)
			service := testenv.Service(t, "hello")
			write(t, service, "Dockerfile", tc.dockerfile)
			for name, text := range tc.files {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(service, name)), 0o755); err != nil {
					t.Fatal(err)
				}
				write(t, service, name, text)
			}
			if tc.options.Variant.Name == "" {
				tc.options = variant("remote")
			}
			want := "the image compiles its program when it starts " + tc.want
			d := derivation{service: service, options: tc.options}
			if got := explain(ctx, t, bk, d).Refusal; got != want {
				t.Errorf("explained:\n%s, want\n%s", got, want)
			}
			if _, err := tryDerive(ctx, t, bk, d); err == nil || !strings.HasSuffix(err.Error(), ": "+want) {
				t.Errorf("derived:\n%v, want\n%s", err, want)
			}
		})
	}
}

// TestAnImageWithoutGoIsRefusedAsSuch has steps of which nothing is known but that there
// is no Go.
func TestAnImageWithoutGoIsRefusedAsSuch(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	bk := testenv.SharedBuildKit(t)
	const (
		explained = "no step of the Dockerfile compiles Go, and bash, which the image starts (CMD), comes from docker.io/library/debian:bookworm-slim"
		derived   = ": /usr/bin/bash, which the image starts (CMD), cannot be debugged: it is an ELF file but not a Go program: it has no Go build information; " +
			"the build compiles no Go program: compile it in the Dockerfile, or derive the Dockerfile target that has one"
	)
	for name, step := range map[string]string{
		"another language's tool": "gem install bundler",
		"another spelling of gpg": "gpg2 --verify x.asc",
		"an unknown tool":         "tool --verify x",
	} {
		t.Run(name, func(t *testing.T) {
			ctx := deadline(t)
			service := t.TempDir()
			program, _, _ := strings.Cut(step, " ")
			write(t, service, "Dockerfile", "FROM debian:bookworm-slim\nCOPY --chmod=755 tool /usr/local/bin/"+program+"\nRUN "+step+"\nCMD [\"bash\"]\n")
			write(t, service, "Dockerfile.shell", "FROM debian:bookworm-slim\nRUN "+step+"\nCMD bash\n")
			write(t, service, "tool", "#!/bin/sh\nexit 0\n")
			d := derivation{service: service, options: variant("remote")}
			if got := explain(ctx, t, bk, d).Refusal; !strings.HasPrefix(got, explained) {
				t.Errorf("explained:\n%s, want\n%s", got, explained)
			}
			if _, err := tryDerive(ctx, t, bk, d); err == nil || !strings.HasSuffix(err.Error(), derived) {
				t.Errorf("derived:\n%v, want\n%s", err, derived)
			}
			d.attrs = map[string]string{"filename": "Dockerfile.shell"}
			e := explain(ctx, t, bk, d)
			if !strings.HasPrefix(e.Refusal, strings.Replace(explained, "bash,", "/bin/sh,", 1)) || len(e.Warnings) > 0 {
				t.Errorf("behind a shell it is explained as %q, %q", e.Refusal, e.Warnings)
			}
		})
	}
}
