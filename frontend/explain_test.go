//go:build !race

// BuildKit resolves several base images at once, and writes one field from each
// (frontend/dockerfile/builder/resolvecache.go:30, v0.34.2).

package frontend_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/testenv"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
)

// build is a builder stage whose program is of the folder /src.
const build = "FROM golang:1.26 AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o server .\n"

func TestExplainFindsTheProgram(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	bk := testenv.SharedBuildKit(t)
	script := map[string]string{"start.sh": "#!/bin/sh\n[ -d data ] && server version\nset -- /usr/bin/server \"$@\"\nexec nice -n \"${NICE:-0}\" \"$@\"\n"}
	touching := map[string]string{"start.sh": "#!/bin/sh\nset -e\nrm -rf /app/run/SOCAT_* /app/stale\ntouch /app/run/down >/app/log\n" +
		"[ -x /app/extra ] && mkdir -p /app/data\nsu-exec root chown -R app /app/data\nif /usr/bin/test -e /app/worker; then chmod +x /app/worker; fi\nexec \"$@\"\n"}
	for _, tc := range []struct {
		name       string
		dockerfile string
		files      map[string]string // of the context
		program    string
		refusal    string // what it contains
		minds      string // the only warning
	}{
		{name: "files that a script only touches", files: touching,
			minds:      "the image starts the script /start.sh (ENTRYPOINT): it starts the only compiled program in the image, or the one named with --program",
			dockerfile: build + "FROM alpine:3\nCOPY --from=build /src/ /app/\nCOPY start.sh /\nENTRYPOINT [\"/start.sh\"]\n"},
		{name: "what follows a script that touches files", files: touching, program: "/app/server",
			dockerfile: build + "FROM alpine:3\nCOPY --from=build /src/ /app/\nCOPY start.sh /\nENTRYPOINT [\"/start.sh\"]\nCMD [\"/app/server\"]\n"},
		{name: "a program or a script, whichever is copied last", files: map[string]string{"app-start.sh": "#!/bin/sh\n"},
			minds:      "/app is the last of the files that match /src/app-*: only a build can tell whether it comes from [build 4/4] RUN go build -o app-linux . or the build context, /app-start.sh",
			dockerfile: "FROM golang:1.26 AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o app-linux .\nFROM alpine:3\nCOPY --from=build /src/app-* /app\nCMD [\"/app\"]\n"},
		{name: "one of two steps", program: "/app",
			minds: "/app is the last of the files that match /build/app-*: only a build can tell whether it comes from [build 5/5] RUN go build -o /build/app-b ./b or [build 4/5] RUN go build -o /build/app-a ./a",
			dockerfile: "FROM golang:1.26 AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o /build/app-a ./a\nRUN go build -o /build/app-b ./b\n" +
				"FROM alpine:3\nCOPY --from=build /build/app-* /app\nCMD [\"/app\"]\n"},
		{name: "a script, after the tool that it calls", program: "/app/server/server",
			dockerfile: "FROM golang:1.26 AS build\nRUN go install github.com/magefile/mage@latest && mv /go/bin/mage /usr/local/go/bin\nWORKDIR /src\nCOPY . .\nRUN mage clean && (cd build && mage release linux/amd64)\n" +
				"FROM scratch\nWORKDIR /app/server\nENTRYPOINT [\"/app/server/server\"]\nCOPY --from=build /build/server-* server\n"},
		{name: "a pattern that nothing matches", refusal: "/app is copied from the build context, /dist/app-*, which does not exist",
			dockerfile: "FROM alpine:3\nCOPY dist/app-* /app\nENTRYPOINT [\"/app\"]\n"},
		{name: "a script by a pattern", files: map[string]string{"run/start-a.sh": "#!/bin/sh\nexec /a\n", "run/start-b.sh": "#!/bin/sh\nexec /usr/bin/server\n", "run/start-c/x": ""}, program: "/usr/bin/server",
			dockerfile: build + "FROM alpine:3\nCOPY --from=build /src/server /usr/bin/\nCOPY run/start-[ab].sh /start\nENTRYPOINT [\"/start\"]\n"},
		{name: "a file copied into the root", program: "/server", dockerfile: build + "FROM scratch\nCOPY --from=build /src/server /\nENTRYPOINT [\"/server\"]\n"},
		{name: "a file copied to the working folder", program: "/server", dockerfile: build + "FROM alpine:3\nCOPY --from=build /src/server .\nCMD [\"./server\"]\n"},
		{name: "what a script keeps for later", program: "/usr/bin/server", files: script,
			dockerfile: build + "FROM alpine:3\nCOPY --from=build /src/server /usr/bin\nCOPY start.sh /start.sh\nRUN /start.sh version\nENTRYPOINT [\"/start.sh\"]\nCMD [\"data\"]\n"},
		{name: "a script that the builder stage hands on", program: "/usr/bin/server", files: script,
			dockerfile: build + "FROM alpine:3\nCOPY --from=build /src/server /usr/bin/\nCOPY --from=build /src/start.sh /\nENTRYPOINT [\"/start.sh\"]\n"},
		{name: "nothing but a folder that is not there", refusal: "copied from the build context, /linux, which does not exist",
			dockerfile: "FROM alpine:3\nADD linux /usr/local/bin\nCMD [\"server\"]\n"},
		{name: "a program that is not there", refusal: "/usr/bin/server is copied from the build context, /server, which does not exist",
			dockerfile: "FROM alpine:3\nCOPY server /usr/bin\nENTRYPOINT [\"server\"]\n"},
		{name: "a script that starts a program that is not there", files: script, refusal: "/usr/bin/server is copied from the build context, /dist/server, which does not exist",
			dockerfile: "FROM alpine:3\nCOPY dist/server /usr/bin/server\nCOPY start.sh /start.sh\nENTRYPOINT [\"/start.sh\"]\n"},
		{name: "the base image's shell", refusal: "/bin/sh, which the image starts (CMD), comes from docker.io/library/alpine:3", dockerfile: "FROM alpine:3\nCOPY . /src/\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			files := map[string]string{"Dockerfile": tc.dockerfile}
			for name, text := range tc.files {
				files[name] = text
			}
			for name, text := range files {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			e := explain(deadline(t), t, bk, derivation{service: dir, options: variant("remote")})
			if e.Refusal != tc.refusal && !strings.Contains(e.Refusal, tc.refusal) || tc.refusal == "" && e.Refusal != "" {
				t.Errorf("the refusal is %q, want %q", e.Refusal, tc.refusal)
			}
			if tc.refusal == "" && e.Program != tc.program {
				t.Errorf("the program is %q, want %q: %+v", e.Program, tc.program, e)
			}
			if minds := strings.Join(e.Warnings, "\n"); minds != tc.minds && tc.refusal == "" {
				t.Errorf("it minds %q, want %q", minds, tc.minds)
			}
		})
	}
}

// What a pattern of the context matches is known without building.
func TestReadyMadeProgramsAreFoundByTheirPatterns(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	bk := testenv.SharedBuildKit(t)
	service := testenv.Service(t, "prebuilt")
	buildStripped(t, service)
	for _, file := range []string{"dist/linux_amd64/server-v1", "dist/linux_amd64/server-v2"} {
		if err := os.MkdirAll(filepath.Join(service, filepath.Dir(file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(filepath.Join(service, "bin", "server"), filepath.Join(service, file)); err != nil {
			t.Fatal(err)
		}
	}
	const hint = "add --rebuild to compile it from the build context, which has its module"
	rebuild := variant("remote")
	rebuild.Rebuild = "auto"
	for lines, from := range map[string]string{
		"FROM scratch\nCOPY dist/linux_*/server-* /server\n":                                                            "/dist/linux_amd64/server-v2",
		"FROM debian:bookworm-slim\nCOPY dist/linux_*/ser[v]er-* /server\n":                                             "/dist/linux_amd64/server-v2",
		"FROM scratch\nADD dist/linux_*/server-* /server\n":                                                             "/dist/linux_amd64/server-v2",
		"FROM scratch AS files\nCOPY dist/ /dist/\nFROM scratch\nCOPY --from=files /dist/*/server-v* /server\n":         "/dist/linux_amd64/server-v2",
		"FROM scratch AS files\nADD dist/linux_*/server-* /dist/\nFROM scratch\nCOPY --from=files /dist/*-v2 /server\n": "/dist",
	} {
		t.Run(lines, func(t *testing.T) {
			ctx := deadline(t)
			if err := os.WriteFile(filepath.Join(service, "Dockerfile"), []byte(lines+"CMD [\"/server\"]\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			d := derivation{service: service, options: variant("remote")}
			said := explain(ctx, t, bk, d)
			if !strings.Contains(said.Refusal, "; it is copied as a finished binary from the build context, "+from+" (") || !strings.Contains(said.Refusal, hint) {
				t.Errorf("explain says %q", said.Refusal)
			}
			if _, err := tryDerive(ctx, t, bk, d); err == nil || !strings.Contains(err.Error(), hint) {
				t.Errorf("the build says %v", err)
			}
			d.options = rebuild
			if e := explain(ctx, t, bk, d); e.Refusal != "" || e.Rebuilt == nil || e.Entry != "cmd" {
				t.Errorf("with --rebuild: %+v", e)
			}
		})
	}
}

// explain is what the frontend says of a derivation without building.
func explain(ctx context.Context, t *testing.T, bk *testenv.BuildKit, d derivation) derive.Explanation {
	t.Helper()
	e, err := tryExplain(ctx, bk, d)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// tryExplain is explain of a derivation that there may be nothing to say of.
func tryExplain(ctx context.Context, bk *testenv.BuildKit, d derivation) (derive.Explanation, error) {
	var e derive.Explanation
	var meta map[string][]byte
	f := frontend.New(frontend.Config{Tools: frontend.LocalTools("tools"), Version: "test"})
	build := func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		res, err := f.Explain(ctx, c)
		if err == nil {
			meta = res.Metadata
		}
		return gateway.NewResult(), err
	}
	if d.wrap != nil {
		build = d.wrap(build)
	}
	attrs := frontend.Attrs(d.options)
	maps.Copy(attrs, d.attrs)
	_, err := bk.Solve(ctx, testenv.Solve{Context: d.service, Dockerfile: d.dockerfile, Attrs: attrs, Build: build})
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(meta[frontend.MetaExplanation], &e)
}
