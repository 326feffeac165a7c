package gomodule

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/google/go-cmp/cmp"
)

// dockerfile is that of the program in a folder.
func dockerfile(t *testing.T, dir string, o Options, change func(*Image)) string {
	t.Helper()
	m, err := Find(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	img := Image{Module: m, Base: DefaultBase}
	if change != nil {
		change(&img)
	}
	text, err := img.Dockerfile()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTheDockerfileOfAModule(t *testing.T) {
	dir := proctest.Files(t, map[string]string{"lib/go.mod": "module example.com/lib\n", "app/go.mod": mod("replace example.com/lib => ../lib"), "app/cmd/greet/main.go": program, "app/cmd/greet/kodata/x": ""})
	got := dockerfile(t, filepath.Join(dir, "app", "cmd", "greet"), Options{}, func(i *Image) {
		i.Env, i.Flags, i.Ldflags = []string{"GOEXPERIMENT=a b"}, []string{"-tags=x"}, `-s -w -X "main.version=v1 'x' $HOME"`
		i.Production, i.Secrets, i.SSH = true, []string{"netrc", "token", "GOPROXY"}, true
	})
	want := `# The image of the Go program example.com/app/cmd/greet.
FROM scratch AS kodata
COPY cmd/greet/kodata/ /

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG GOFLAGS
ARG GOPROXY
ARG GOPRIVATE
ARG GONOPROXY
ARG GOSUMDB
ARG GONOSUMDB
ARG GOINSECURE
ARG GOEXPERIMENT
COPY --from=module1 . /src/lib
COPY . /src/app
WORKDIR /src/app
ARG TARGETOS
ARG TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build --mount=type=secret,id=netrc,target=/root/.netrc --mount=type=secret,id=token --mount=type=secret,id=GOPROXY,env=GOPROXY --mount=type=ssh ` +
		`GOOS=$TARGETOS GOARCH=$TARGETARCH CGO_ENABLED=0 GOEXPERIMENT='a b' go build '-tags=x' -trimpath "-ldflags=-s -w -X \"main.version=v1 'x' \$HOME\"" -o /ko-app/greet ./cmd/greet

FROM cgr.dev/chainguard/static:latest
COPY --from=build --chmod=0555 /ko-app/greet /ko-app/greet
COPY --from=kodata --chmod=0555 . /var/run/ko/
ENV PATH=$PATH:/ko-app
ENV KO_DATA_PATH=/var/run/ko
ENTRYPOINT ["/ko-app/greet"]
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatChangesTheCompile(t *testing.T) {
	dir := proctest.Files(t, map[string]string{
		"go.work": "go 1.26\nuse ./app\n", "other.work": "go 1.26\nuse ./app\n",
		"app/go.mod": mod(), "app/main.go": program,
		"odd/go.work": "go 1.26\nuse \"./an $HOME app\"\n", "odd/an $HOME app/go.mod": mod(), "odd/an $HOME app/main.go": program, "odd/an $HOME app/kodata/x": "",
	})
	app := filepath.Join(dir, "app")
	for name, tc := range map[string]struct {
		dir    string
		o      Options
		change func(*Image)
		want   []string
		lacks  string
	}{
		"a variant":              {dir: app, want: []string{"RUN --mount=type=cache,target=/go/pkg/mod GOOS=$TARGETOS"}, lacks: "go-build"},
		"a workspace":            {dir: app, want: []string{"COPY . /src\nWORKDIR /src/app\n"}, lacks: "GOWORK"},
		"no workspace":           {dir: app, o: Options{Work: "off"}, want: []string{"COPY . /src\nWORKDIR /src\n", " GOWORK=off "}},
		"another workspace":      {dir: app, o: Options{Work: filepath.Join(dir, "other.work")}, want: []string{" GOWORK=/src/other.work "}},
		"cgo":                    {dir: app, change: func(i *Image) { i.Cgo, i.Env = true, []string{"CGO_ENABLED=1"} }, want: []string{"FROM golang:1.26 AS build", " CGO_ENABLED=1 go build"}, lacks: "CGO_ENABLED=0"},
		"versions of processors": {dir: app, change: func(i *Image) { i.Versions = true }, want: []string{"ARG TARGETVARIANT\n", "case $TARGETARCH in arm) export GOARM=${TARGETVARIANT#v} ;; amd64) export GOAMD64=$TARGETVARIANT ;; esac; GOOS="}},
		"a name that would be expanded": {dir: filepath.Join(dir, "odd", "an $HOME app"), want: []string{
			"WORKDIR /src/an \\$HOME app\n", `COPY ["an \\$HOME app/kodata/","/"]`}},
	} {
		got := dockerfile(t, tc.dir, tc.o, tc.change)
		for _, want := range tc.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: it lacks %q:\n%s", name, want, got)
			}
		}
		if tc.lacks != "" && strings.Contains(got, tc.lacks) {
			t.Errorf("%s: it has %q:\n%s", name, tc.lacks, got)
		}
	}
	if _, err := Find(app, Options{Work: filepath.Join(dir, "elsewhere", "go.work")}); err == nil || !strings.Contains(err.Error(), "use a go.work above it, or GOWORK=off") {
		t.Errorf("a workspace elsewhere: %v", err)
	}
	m, err := Find(app, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (Image{Module: m, Flags: []string{"-x\n-v"}}).Dockerfile(); err == nil || !strings.Contains(err.Error(), "it has a line break") {
		t.Errorf("a flag of two lines: %v", err)
	}
}

// TestNoNameIsAnInstruction has names that would be lines of their own, or take in the next.
func TestNoNameIsAnInstruction(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"a module":             {"go.mod": "module \"example.com/app\\nRUN evil\"\ngo 1.26\n", "main.go": program},
		"a module's spaces":    {"go.mod": "module \"example.com/app --mount\"\ngo 1.26\n", "main.go": program},
		"a package":            {"go.mod": mod(), "a\nRUN evil/main.go": program},
		"a used module":        {"go.work": "go 1.26\nuse \"./a\\nRUN evil\"\n", "a\nRUN evil/go.mod": mod(), "a\nRUN evil/main.go": program},
		"a trailing backslash": {"go.work": "go 1.26\nuse \"./a\\\\\"\n", `a\/go.mod`: mod(), `a\/main.go`: program},
	} {
		dir := proctest.Files(t, files)
		for file := range files {
			if strings.HasSuffix(file, "main.go") {
				dir = filepath.Dir(filepath.Join(dir, file))
			}
		}
		m, err := Find(dir, Options{})
		var text string
		if err == nil {
			text, err = Image{Module: m, Base: DefaultBase}.Dockerfile()
		}
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "rename") {
			t.Errorf("%s: %v:\n%s", name, err, text)
		}
	}
}

func TestTheIgnoreFileIsTheUsersWithoutGits(t *testing.T) {
	files := map[string]string{"go.mod": mod(), "cmd/app/main.go": program}
	for ignore, want := range map[string]string{
		"":                                "**/.git\n",
		"secret.env\n":                    "**/.git\nsecret.env\n",
		"*\n!go.mod\n!cmd\n":              "**/.git\n*\n!go.mod\n!cmd\n",
		"*\n!cmd\n":                       "leaves out go.mod, which the program is compiled from: add the line !go.mod to it",
		"cmd\n":                           "leaves out cmd/app/main.go",
		"**/*.go\n!cmd/app/main.go\n.git": "**/.git\n**/*.go\n!cmd/app/main.go\n.git",
	} {
		if files[".dockerignore"] = ignore; ignore == "" {
			delete(files, ".dockerignore")
		}
		m, err := Find(filepath.Join(proctest.Files(t, files), "cmd", "app"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Ignored()
		if err == nil && string(got) != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v, want %q", ignore, got, err, want)
		}
	}
}
