package bake

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/derive/production"
	"github.com/docker/cli/cli/config/configfile"
)

// newModule is the folder of a Go module with more files.
func newModule(t *testing.T, more map[string]string) string {
	t.Helper()
	files := map[string]string{"go.mod": "module example.com/app\n\ngo 1.26\n", "cmd/app/main.go": "package main\n\nfunc main() {}\n"}
	maps.Copy(files, more)
	dir := newContext(t, slices.Collect(maps.Keys(files))...)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// environment has these variables alone.
func environment(variables map[string]string) Environment {
	return Environment{
		Lookup: func(name string) (string, bool) { value, ok := variables[name]; return value, ok },
		List: func() (list []string) {
			for name, value := range variables {
				list = append(list, name+"="+value)
			}
			return list
		},
		Docker: configfile.New(""),
	}
}

// moduleOf reads a call for a Go module.
func moduleOf(t *testing.T, o Options, variables map[string]string) (*Request, goModule) {
	t.Helper()
	o.Progress = "auto"
	r, err := NewRequest(o, environment(variables))
	if err != nil {
		t.Fatal(err)
	}
	g, ok := r.source.(goModule)
	if !ok {
		t.Fatalf("production is %+v, want a Go module", r.source)
	}
	return r, g
}

func TestVariablesWithCredentialsAreSecrets(t *testing.T) {
	const proxy = "https://proxy.example,https://someone:hunter2@corp.example/go|direct"
	variables := map[string]string{"GOPROXY": proxy, "GOSUMDB": "sum.example https://token@corp.example", "GOPRIVATE": "a@b"}
	for name, tc := range map[string]struct {
		options Options
		secret  []string // of GOPROXY and GOSUMDB
		arg     string   // GOPROXY
	}{
		"from the environment":   {secret: []string{"id=GOPROXY,env=GOPROXY", "id=GOSUMDB,env=GOSUMDB"}},
		"as a build argument":    {options: Options{BuildArgs: []string{"GOPROXY=" + proxy}}, secret: []string{"id=GOSUMDB,env=GOSUMDB"}, arg: "GOPROXY=" + proxy},
		"as a secret of another": {options: Options{Secrets: []string{"env=MINE,id=GOPROXY"}}, secret: []string{"env=MINE,id=GOPROXY", "id=GOSUMDB,env=GOSUMDB"}},
	} {
		o := tc.options.withModuleVariables(production.ModuleVariables, environment(variables))
		var arg string
		for _, given := range o.BuildArgs {
			if strings.HasPrefix(given, "GOPROXY") {
				arg = given // the last counts
			}
		}
		if !slices.Equal(o.Secrets, tc.secret) || arg != tc.arg || !slices.Contains(o.BuildArgs, "GOPRIVATE") || slices.Contains(o.BuildArgs, "GOSUMDB") {
			t.Errorf("%s: the secrets are %q, the build arguments %q", name, o.Secrets, o.BuildArgs)
		}
	}
}

func TestADockerfileComesBeforeAModule(t *testing.T) {
	dir := newModule(t, map[string]string{"cmd/both/main.go": "package main\n", "cmd/both/dockerfile": "FROM scratch\n"})
	app, both := filepath.Join(dir, "cmd", "app"), filepath.Join(dir, "cmd", "both")
	for _, tc := range []struct {
		o      Options
		module bool
	}{
		{Options{Context: app}, true},
		{Options{Context: both}, false},
		{Options{Context: both, Module: true}, true},
		{Options{Context: app, Dockerfile: filepath.Join(both, "dockerfile")}, false},
		{Options{Context: dir}, false}, // which has neither
		{Options{Context: "https://example.com/app.git"}, false},
		{Options{Context: "-"}, false},
	} {
		tc.o.Progress = "auto"
		r, err := NewRequest(tc.o, environment(nil))
		if err != nil {
			t.Errorf("%+v: %v", tc.o, err)
			continue
		}
		if _, module := r.source.(goModule); module != tc.module {
			t.Errorf("%s, -f %q, --module=%t: production is a %T", tc.o.Context, tc.o.Dockerfile, tc.o.Module, r.source)
		}
	}
	t.Chdir(dir)
	for _, name := range []string{"example.com/app/cmd/app", "ko://example.com/app/cmd/app"} {
		if _, g := moduleOf(t, Options{Context: name}, nil); g.module.Package != app {
			t.Errorf("%s is %s", name, g.module.Package)
		}
	}
}

func TestModulesThatCannotBeBuiltAreNamed(t *testing.T) {
	dir := newModule(t, map[string]string{"Dockerfile": "FROM scratch\n", "lib/lib.go": "package lib\n", ".ko.yaml": "defaultPlatforms: [all]\n", "ignored/.ko.yaml": "x\n"})
	app := filepath.Join(dir, "cmd", "app")
	for _, tc := range []struct {
		o    Options
		want string
	}{
		{Options{Context: app, Module: true, Dockerfile: "x"}, "leave one of them out"},
		{Options{Context: "https://example.com/app.git", Module: true}, "--module needs the folder of a main package"},
		{Options{Context: "./...", Module: true}, `the context "./..." stands for several packages`},
		{Options{Context: filepath.Join(app, "main.go"), Module: true}, "is a Go file: name its folder, " + app},
		{Options{Context: filepath.Join(dir, "lib"), Module: true}, "has package lib, which is no program: name the folder of the module's program, ./cmd/app"},
		{Options{Context: dir, Base: "x"}, "--base is for a Go module without a Dockerfile"},
		{Options{Context: dir, Production: true}, "--variant production is for a Go module without a Dockerfile"},
		{Options{Context: dir, Ldflags: []string{"-s"}}, "--ldflags is for"},
		{Options{Context: app, Target: "x"}, `--target is "x"`},
		{Options{Context: app, BuildTags: []string{"app:v1"}}, "(-t names the image)"},
		{Options{Context: app, Base: "A B", Platforms: []string{"local"}}, `--base is "A B"`},
		{Options{Context: app}, `ko's configuration has the default platform "all"`},
	} {
		tc.o.Progress = "auto"
		_, err := NewRequest(tc.o, environment(nil))
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v, want %q", tc.o, err, tc.want)
		}
	}
	_, err := load(t, filepath.Join(dir, "lib"), "", nil, nil)
	if want := "no Dockerfile at " + filepath.Join(dir, "lib", "Dockerfile") + ": name it with -f, or name the folder of a Go program: "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("a folder with neither: %v", err)
	}
	t.Chdir(dir)
	for name, want := range map[string]string{
		"example.com/app/cmd/none": "is no package of the Go module in " + dir, "cmd/...": "stands for several packages",
		"cmd/app/main.go": "is a Go file: name its folder, cmd/app", "none": "is neither a folder nor a URL",
	} {
		if _, err := load(t, name, "", nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the context %s: %v, want %q", name, err, want)
		}
	}
}

func TestAModulesInputs(t *testing.T) {
	dir := newModule(t, map[string]string{
		"go.mod":       "module example.com/app\n\ngo 1.26\n\nreplace example.com/lib => ../" + "lib\n",
		".ko.yaml":     "defaultPlatforms: linux/arm64\ndefaultEnv: [GOCACHE=/x, GOFLAGS=-x, A=b]\ndefaultFlags: [-tags=one]\ndefaultLdflags: ['-X main.v={{.Env.V}}']\n",
		"cmd/app/a.go": "//go:build one\n\npackage main\n", "cmd/app/kodata/file": "text",
	})
	lib := filepath.Join(filepath.Dir(dir), "lib")
	for name, text := range map[string]string{"go.mod": "module example.com/lib\n", ".git/config": "password"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(lib, name)), 0o755), os.WriteFile(filepath.Join(lib, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	r, g := moduleOf(t, Options{Context: filepath.Join(dir, "cmd", "app"), Secrets: []string{"id=netrc,env=V"}, BuildArgs: []string{"GOPROXY=mine"}},
		map[string]string{"V": "1.2", "GOPROXY": "theirs", "GOPRIVATE": "corp.example", "CGO_ENABLED": "1"})
	for name, want := range map[string]string{"platform": "linux/arm64", "build-arg:SOURCE_DATE_EPOCH": "0", "build-arg:GOPROXY": "mine", "build-arg:GOPRIVATE": "corp.example", "build-arg:GOFLAGS": ""} {
		if got := r.attrs[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, want := range []string{
		"FROM golang:1.26 AS build\n", "--mount=type=secret,id=netrc,target=/root/.netrc ", "FROM cgr.dev/chainguard/static:latest\n",
		" GOFLAGS=-x A=b CGO_ENABLED=1 go build '-tags=one' -trimpath '-ldflags=-X main.v=1.2' -o /ko-app/app ./cmd/app\n",
	} {
		if !strings.Contains(g.files[moduleDockerfile], want) {
			t.Errorf("the Dockerfile lacks %q:\n%s", want, g.files[moduleDockerfile])
		}
	}
	if strings.Contains(g.files[moduleDockerfile], "GOCACHE=") {
		t.Errorf("the Dockerfile has a folder of this machine:\n%s", g.files[moduleDockerfile])
	}
	in, err := loadInputs(r.source, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	if d, ok := in.production.(production.Dockerfile); !ok || d.Name != "the Go module" {
		t.Errorf("it is read as %+v", in.production)
	}
	if got, want := slices.Sorted(maps.Keys(in.mounts)), []string{"context", "dockerfile", "kodata", "module1"}; !slices.Equal(got, want) || in.attrs["context:module1"] != "local:module1" || in.attrs["filename"] != moduleDockerfile {
		t.Errorf("the mounts are %q, the attributes %v", got, in.attrs)
	}
	var sent []string
	err = in.mounts["module1"].Walk(t.Context(), "", func(name string, _ fs.DirEntry, err error) error {
		sent = append(sent, name)
		return err
	})
	if err != nil || !slices.Equal(sent, []string{"go.mod"}) {
		t.Errorf("of the other module %q are sent, %v", sent, err)
	}

	r, g = moduleOf(t, Options{Context: filepath.Join(dir, "cmd", "app"), Base: "scratch", GoFlags: "-mod=mod", Ldflags: []string{"-s", "-w"}, BuildTags: []string{"one", "two"}, Platforms: []string{"linux/arm/v7"}},
		map[string]string{"V": "1", "SOURCE_DATE_EPOCH": "5", "GOFLAGS": "-x"})
	for _, want := range []string{"FROM scratch\n", "'-tags=one' '-tags=one,two' -trimpath '-ldflags=-s -w'", "GOARM=${TARGETVARIANT#v}"} {
		if !strings.Contains(g.files[moduleDockerfile], want) {
			t.Errorf("the Dockerfile lacks %q:\n%s", want, g.files[moduleDockerfile])
		}
	}
	if strings.Contains(g.files[moduleDockerfile], "GOFLAGS=") || r.attrs["build-arg:GOFLAGS"] != "-mod=mod" || r.attrs["build-arg:SOURCE_DATE_EPOCH"] != "5" {
		t.Errorf("the attributes are %v, the Dockerfile\n%s", r.attrs, g.files[moduleDockerfile])
	}
}

func TestTheProductionImageIsNamedByProduction(t *testing.T) {
	dir := newModule(t, nil)
	r, _ := moduleOf(t, Options{Context: filepath.Join(dir, "cmd", "app"), Tags: []string{"app:v1"}, Production: true, Push: true, Load: true}, nil)
	if len(r.images) != 1 || len(r.images[0].Refs) != 1 || r.images[0].Refs[0].Familiar() != "app:v1" {
		t.Fatalf("the images are %+v", r.images)
	}
	if names := append(r.names(inRegistry), r.names(inEngine)...); len(names) > 0 || !r.loads() || !r.writes(output.pushes) {
		t.Errorf("%v have to be dlvgen's", names)
	}
	in, err := loadInputs(r.source, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	so, err := r.solveOpt(r.images[0], in, nil)
	if err != nil || so.FrontendAttrs["filename"] != productionDockerfile {
		t.Fatalf("it is built by %v, %v", so.FrontendAttrs, err)
	}
	for name := range so.FrontendAttrs {
		if strings.HasPrefix(name, "build-arg:DLVGEN_") {
			t.Errorf("the production image is built with %s", name)
		}
	}
}
