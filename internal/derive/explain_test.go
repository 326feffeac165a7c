//go:build !race

// BuildKit resolves several base images at once, and writes one field from each
// (frontend/dockerfile/builder/resolvecache.go:30, v0.34.2).

package derive_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dlvgen/dlvgen/internal/derive"
	"github.com/dlvgen/dlvgen/internal/derive/gatewaytest"
	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/moby/buildkit/client/llb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// images are the configs of the base images that the tests' Dockerfiles name.
var images = map[string]ocispecs.ImageConfig{
	"golang:1.26":          {Env: []string{"PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "GOLANG_VERSION=1.26.8", "GOTOOLCHAIN=local", "GOPATH=/go"}, WorkingDir: "/go", Cmd: []string{"bash"}},
	"alpine:3":             {Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, Cmd: []string{"/bin/sh"}},
	"debian:bookworm-slim": {Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, Cmd: []string{"bash"}},
}

// request asks for a variant with everything else at its default.
func request(t *testing.T, name string) variants.Request {
	t.Helper()
	r, err := variants.Request{Variant: variants.Variant{Name: name}}.Complete()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// load reads a Dockerfile with a build context of those files, by a client that can build
// nothing.
func load(t *testing.T, dockerfile string, files map[string]string, r variants.Request) (*derive.Deriver, error) {
	t.Helper()
	context := fstest.MapFS{"Dockerfile": {Data: []byte(dockerfile), Mode: 0o644}}
	for name, text := range files {
		context[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o755}
	}
	c := &gatewaytest.Client{T: t, Context: context, Images: images}
	tools := llbgen.ToolsIn(llb.Local("tools"), "/")
	return derive.Load(t.Context(), c, derive.Config{Source: production.Dockerfile{}, Tools: tools, Request: r, Version: "test"})
}

// explain is what is said of a Dockerfile's image.
func explain(t *testing.T, dockerfile string, files map[string]string, r variants.Request) derive.Explanation {
	t.Helper()
	d, err := load(t, dockerfile, files, r)
	if err != nil {
		t.Fatal(err)
	}
	explained, err := d.Explain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return explained[0].Explanation
}

// build is a builder stage whose program is of the folder /src.
const build = "FROM golang:1.26 AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o server .\n"

func TestExplainFindsTheProgram(t *testing.T) {
	script := map[string]string{"start.sh": "#!/bin/sh\n[ -d data ] && server version\nset -- /usr/bin/server \"$@\"\nexec nice -n \"${NICE:-0}\" \"$@\"\n"}
	touching := map[string]string{"start.sh": "#!/bin/sh\nset -e\nrm -rf /app/run/SOCAT_* /app/stale\ntouch /app/run/down >/app/log\n" +
		"[ -x /app/extra ] && mkdir -p /app/data\nsu-exec root chown -R app /app/data\nif /usr/bin/test -e /app/worker; then chmod +x /app/worker; fi\nexec \"$@\"\n"}
	for _, tc := range []struct {
		name       string
		dockerfile string
		files      map[string]string // of the context
		program    string
		refusal    string // what it contains
		minds      string // the only warning, or its beginning
		asked      string // for with --program
		detour     string // unless empty
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
		{name: "a shell, beside a program that is copied into a folder", program: "/app",
			dockerfile: build + "FROM alpine:3\nCOPY --from=build /src/app /\nCMD /app\n"},
		{name: "a launcher that a copied folder may have", program: "/usr/local/bin/server",
			dockerfile: build + "FROM alpine:3\nCOPY --from=build /src/server /usr/local/bin/\nENTRYPOINT [\"env\", \"A=b\", \"nice\", \"server\"]\n"},
		{name: "a shell of the image with Go", program: "/src/server",
			dockerfile: "FROM golang:1.26\nWORKDIR /src\nCOPY . .\nRUN go build -o server .\nENTRYPOINT [\"bash\", \"-c\", \"exec ./server\"]\n"},
		{name: "a script that is first on PATH", files: map[string]string{"bin/app": "#!/bin/sh\nexec /usr/bin/app\n"}, program: "/usr/bin/app", detour: "the script /usr/local/bin/app (CMD)",
			dockerfile: build + "FROM alpine:3\nCOPY --from=build /src/server /usr/bin/app\nCOPY bin/ /usr/local/bin/\nCMD [\"app\"]\n"},
		{name: "a file that is no program", files: map[string]string{"nginx": "\x7fELF"}, detour: "/nginx (CMD)",
			minds:      "the image starts /nginx (CMD): it starts the only compiled program in the image, or the one named with --program",
			dockerfile: build + "FROM alpine:3\nCOPY --from=build /src/server /server\nCOPY nginx /\nCMD [\"/nginx\"]\n"},
		{name: "a script alone", files: map[string]string{"run.sh": "#!/bin/sh\nexec sleep 1\n"}, refusal: "/run.sh, which the image starts (CMD), cannot be debugged: it is a script",
			dockerfile: "FROM alpine:3\nCOPY run.sh /\nCMD [\"/run.sh\"]\n"},
		{name: "a folder with a debugger", files: map[string]string{"tools/dlv": ""}, refusal: "the image has /dlv already",
			dockerfile: build + "FROM alpine:3\nCOPY tools/ /\nCOPY --from=build /src/server /server\nCMD [\"/server\"]\n"},
		{name: "a path that was asked for, with a detour in it", asked: "/app/../server", program: "/server",
			dockerfile: build + "FROM alpine:3\nCOPY --from=build /src/server /server\nCMD [\"/server\"]\n"},
		{name: "a script that was asked for", asked: "/run.sh", files: map[string]string{"run.sh": "#!/bin/sh\n"}, refusal: "/run.sh, which --program names, cannot be debugged: it is a script",
			dockerfile: build + "FROM alpine:3\nCOPY run.sh /\nCOPY --from=build /src/server /server\nCMD [\"/server\"]\n"},
		{name: "a path of the base image that was asked for", asked: "/usr/local/bin/wrker", program: "/usr/local/bin/wrker", detour: "/server (CMD)",
			minds:      "only a build can tell whether docker.io/library/alpine:3",
			dockerfile: build + "FROM alpine:3\nCOPY --from=build /src/server /server\nCMD [\"/server\"]\n"},
		{name: "a program of another image", program: "/app", minds: "no step compiles Go: only a build can tell whether /app is a Go program that can be debugged",
			dockerfile: "FROM alpine:3\nCOPY --from=debian:bookworm-slim /usr/bin/app /app\nENTRYPOINT [\"/app\"]\n"},
		{name: "a program that is downloaded, behind a shell", minds: "no step compiles Go: only a build can tell whether app is a Go program that can be debugged", detour: "/bin/sh (CMD)",
			dockerfile: "FROM alpine:3\nRUN wget -O /usr/bin/app http://127.0.0.1/app\nCMD exec app\n"},
		{name: "an interpreter of the base image", refusal: "no step of the Dockerfile compiles Go, and python3, which the image starts (CMD), comes from docker.io/library/debian:bookworm-slim",
			dockerfile: "FROM debian:bookworm-slim\nCOPY . .\nCMD [\"python3\", \"app.py\"]\n"},
		{name: "nothing, with a program to choose", refusal: "the image starts nothing (it has neither ENTRYPOINT nor CMD): choose a program that the build compiles with --program PATH",
			dockerfile: build + "FROM scratch\nCOPY --from=build /src/server /server\n"},
		{name: "nothing at all", refusal: "the image starts nothing: it has neither ENTRYPOINT nor CMD, and no program that this build compiled is in it",
			dockerfile: "FROM scratch\nCOPY . /src/\n"},
		{name: "a platform without tools", refusal: "the step runs on linux/arm, and dlvgen has its tools for linux/amd64 and linux/arm64: leave out other platforms",
			dockerfile: strings.Replace(build, "FROM ", "FROM --platform=linux/arm/v7 ", 1) + "FROM scratch\nCOPY --from=build /src/server /\nENTRYPOINT [\"/server\"]\n"},
		{name: "the base image's shell", refusal: "/bin/sh, which the image starts (CMD), comes from docker.io/library/alpine:3", dockerfile: "FROM alpine:3\nCOPY . /src/\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := request(t, "remote")
			r.Program = tc.asked
			e := explain(t, tc.dockerfile, tc.files, r)
			if tc.detour != "" && e.Detour != tc.detour {
				t.Errorf("between is %q, want %q", e.Detour, tc.detour)
			}
			if e.Refusal != tc.refusal && !strings.Contains(e.Refusal, tc.refusal) || tc.refusal == "" && e.Refusal != "" {
				t.Errorf("the refusal is %q, want %q", e.Refusal, tc.refusal)
			}
			if tc.refusal == "" && e.Program != tc.program {
				t.Errorf("the program is %q, want %q: %+v", e.Program, tc.program, e)
			}
			if minds := strings.Join(e.Warnings, "\n"); (tc.minds == "" || !strings.HasPrefix(minds, tc.minds)) && minds != tc.minds && tc.refusal == "" {
				t.Errorf("it minds %q, want %q", minds, tc.minds)
			}
		})
	}
}

func TestACompileAheadOfTheStartIsExplained(t *testing.T) {
	r := request(t, "remote")
	r.Rebuild = variants.RebuildContext
	e := explain(t, "FROM golang:1.26\nWORKDIR /src\nCOPY . .\nCMD [\"go\", \"run\", \"-race\", \"main.go\", \"-v\"]\n", nil, r)
	if e.Refusal != "" || e.Rebuilt == nil || e.Entry != variants.EntryCmd && e.Entry != "" {
		t.Fatalf("explained is %+v", e)
	}
	if want := strings.Fields("go build -buildvcs=false -race -o /rebuilt/program main.go"); !slices.Equal(e.Rebuilt.Command, want) {
		t.Errorf("the command is %q, want %q", e.Rebuilt.Command, want)
	}
}

// TestWhatOnlyABuildCanTellIsNotRefused has programs that may be made of Go, or not.
func TestWhatOnlyABuildCanTellIsNotRefused(t *testing.T) {
	for name, dockerfile := range map[string]string{
		"a step that may bring Go":      "FROM debian:bookworm-slim AS build\nCOPY . .\nRUN ./compile.sh /server\nFROM scratch\nCOPY --from=build /server /server\nENTRYPOINT [\"/server\"]\n",
		"an image that may have Go":     "FROM debian:bookworm-slim AS tools\nRUN tool\nFROM tools AS build\nCOPY . .\nRUN make server\nFROM scratch\nCOPY --from=build /server /server\nENTRYPOINT [\"/server\"]\n",
		"a program behind an own shell": "FROM debian:bookworm-slim AS tools\nRUN tool\nFROM tools\nCOPY . .\nRUN make all\nCMD [\"bash\", \"-c\", \"exec $PROGRAM\"]\n",
	} {
		e := explain(t, dockerfile, nil, request(t, "remote"))
		told := slices.ContainsFunc(e.Warnings, func(w string) bool { return strings.Contains(w, "only a build can tell") })
		if e.Refusal != "" || !told || e.Program != "" && e.Program != "/server" {
			t.Errorf("%s: refused with %q, the program is %q, the warnings are %q", name, e.Refusal, e.Program, e.Warnings)
		}
	}
}

func TestDelveInTheImagesCommandIsExplained(t *testing.T) {
	e := explain(t, `FROM golang:1.26
RUN go install github.com/go-delve/delve/cmd/dlv@latest
COPY . .
RUN go build -o /server .
CMD ["dlv", "exec", "/server"]
`, nil, request(t, "remote"))
	if want := "the image starts Delve already, /go/bin/dlv (CMD), "; !strings.HasPrefix(e.Refusal, want) {
		t.Errorf("explained is %q, want %q first", e.Refusal, want)
	}
}
