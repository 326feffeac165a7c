//go:build !race

// BuildKit resolves several base images at once, and writes one field from each
// (frontend/dockerfile/builder/resolvecache.go:30, v0.34.2).

package frontend_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/frontend"
	"github.com/dlvgen/dlvgen/internal/testenv"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
)

// build is a builder stage whose program is of the folder /src.
const build = "FROM golang:1.26 AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o server .\n"

func TestExplainFindsTheProgram(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	bk := testenv.SharedBuildKit(t)
	script := map[string]string{"start.sh": "#!/bin/sh\n[ -d data ] && server version\nset -- /usr/bin/server \"$@\"\nexec nice -n \"${NICE:-0}\" \"$@\"\n"}
	for _, tc := range []struct {
		name       string
		dockerfile string
		files      map[string]string // of the context
		program    string
		refusal    string // what it contains
	}{
		{name: "a file copied into the root", program: "/server", dockerfile: build + "FROM scratch\nCOPY --from=build /src/server /\nENTRYPOINT [\"/server\"]\n"},
		{name: "a file copied to the working folder", program: "/server", dockerfile: build + "FROM alpine:3\nCOPY --from=build /src/server .\nCMD [\"./server\"]\n"},
		{name: "what a script keeps for later", program: "/usr/bin/server", files: script,
			dockerfile: build + "FROM alpine:3\nCOPY --from=build /src/server /usr/bin\nCOPY start.sh /start.sh\nRUN /start.sh version\nENTRYPOINT [\"/start.sh\"]\nCMD [\"data\"]\n"},
		{name: "a script that the builder stage hands on", program: "/usr/bin/server", files: script,
			dockerfile: build + "FROM alpine:3\nCOPY --from=build /src/server /usr/bin/\nCOPY --from=build /src/start.sh /\nENTRYPOINT [\"/start.sh\"]\n"},
		{name: "nothing but a folder that is not there", refusal: "copied from the build context, /linux, which is not there",
			dockerfile: "FROM alpine:3\nADD linux /usr/local/bin\nCMD [\"server\"]\n"},
		{name: "a program that is not there", refusal: "/usr/bin/server is copied from the build context, /server, which is not there",
			dockerfile: "FROM alpine:3\nCOPY server /usr/bin\nENTRYPOINT [\"server\"]\n"},
		{name: "a script that starts a program that is not there", files: script, refusal: "/usr/bin/server is copied from the build context, /dist/server, which is not there",
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
		})
	}
}

// explain is what the frontend says of a derivation without building.
func explain(ctx context.Context, t *testing.T, bk *testenv.BuildKit, d derivation) frontend.Explanation {
	t.Helper()
	var meta map[string][]byte
	f := frontend.New(frontend.Config{Tools: frontend.LocalTools("tools"), Version: "test"})
	_, err := bk.Solve(ctx, testenv.Solve{
		Context: d.service, Attrs: d.options.Attrs(),
		Build: func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
			res, err := f.Explain(ctx, c)
			if err == nil {
				meta = res.Metadata
			}
			return gateway.NewResult(), err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var e frontend.Explanation
	if err := json.Unmarshal(meta[frontend.MetaExplanation], &e); err != nil {
		t.Fatal(err)
	}
	return e
}
