package frontend_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
)

// rebuilding are the options of a variant with --rebuild.
func rebuilding(name string, from variants.Rebuild) variants.Request {
	o := variant(name)
	o.Rebuild = from
	return o
}

// prebuilt is the service of that name with a Dockerfile, and its program compiled
// before, stripped.
func prebuilt(t *testing.T, dockerfile string) string {
	t.Helper()
	service := testenv.Service(t, "prebuilt")
	write(t, service, "Dockerfile", dockerfile)
	buildStripped(t, service)
	return service
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// goInstall puts a program of the Go module proxy into a context as bin/server.
func goInstall(t *testing.T, dir, pkg string) {
	t.Helper()
	bin := t.TempDir()
	command(t, dir, []string{"GOBIN=" + bin, "CGO_ENABLED=0"}, "go", "install", "-trimpath", "-ldflags=-s -w", pkg)
	name, _, _ := strings.Cut(filepath.Base(pkg), "@")
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o750); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(bin, name))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "bin", "server"), data, 0o700) //nolint:gosec // a program
	}
	if err != nil {
		t.Fatal(err)
	}
}

func command(t *testing.T, dir string, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(proctest.Context(t), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// ownedDockerfile copies a program in with a mode, an owner and a folder of its own.
const ownedDockerfile = `FROM alpine:3
RUN mkdir -m 2710 /app && chown 1000:1001 /app && chmod 2710 /app
COPY --chown=1000:1001 --chmod=6750 bin/server /app/server
USER 1000:1001
EXPOSE 12345
ENTRYPOINT ["/app/server"]
`

func TestAReadyMadeProgramIsCompiledAgainFromTheContext(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	ctx := deadline(t)
	bk, reg, engine := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.SharedDocker(t)
	service := prebuilt(t, ownedDockerfile)
	write(t, service, ".dockerignore", "*\n!bin\n")
	const image = "rebuilt/context:v1-debug-src"
	mustDerive(ctx, t, bk, derivation{service: service, options: rebuilding("remote-src", variants.RebuildAuto), push: reg.Ref(image)})
	hitOnce(ctx, t, start(ctx, t, engine, reg.Ref(image)), "/src/main.go")

	files := treeOf(ctx, t, reg, image)
	for path, want := range map[string]string{"/app/server": "6750 1000:1001", "/app": "2710 1000:1001", "/src/main.go": "0644 0:0"} {
		if got := files[path].owner(); got != want {
			t.Errorf("%s is %s in the debug image, want %s", path, got, want)
		}
	}
	p := planIn(t, files[layout.Plan].data).Program
	if r := p.Rebuilt; r == nil || r.From != variants.RebuildContext || len(r.Warnings) > 0 || r.Image != "golang:1.26" ||
		!slices.Contains(r.Command, "example.com/prebuilt") || !slices.Contains(r.Command, "-trimpath") {
		t.Errorf("the plan records %+v", r)
	}
	if p.BuildID == factsOf(t, filepath.Join(service, "bin", "server")).BuildID {
		t.Error("the plan has the build id of the program that was copied in")
	}
}

// hitOnce stops in the handler.
func hitOnce(ctx context.Context, t *testing.T, c running, file string) {
	t.Helper()
	d := c.connect(ctx, t)
	state, err := d.HitFunction(ctx, "main.handler", c.request)
	if err != nil {
		t.Fatal(err)
	}
	if got := state.CurrentThread.File; got != file {
		t.Errorf("stopped in %s, want %s", got, file)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestAReadyMadeProgramBehindAScript is one that only the script names, in a module that
// is not the context's root.
func TestAReadyMadeProgramBehindAScript(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	ctx := deadline(t)
	bk, reg, engine := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.SharedDocker(t)
	service := prebuilt(t, `FROM alpine:3
COPY bin/server /app/server
RUN printf '#!/bin/sh\nset -e\nexec /app/server "$@"\n' >/start.sh && chmod +x /start.sh && chown 7:8 /app/server
EXPOSE 12345
CMD ["/start.sh"]
`)
	if err := os.MkdirAll(filepath.Join(service, "services", "one"), 0o750); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "main.go"} {
		if err := os.Rename(filepath.Join(service, name), filepath.Join(service, "services", "one", name)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, service, "go.mod", "module example.com/other\n")
	const image = "rebuilt/script:v1-debug"
	mustDerive(ctx, t, bk, derivation{service: service, options: rebuilding("remote", variants.RebuildContext), push: reg.Ref(image)})
	hitOnce(ctx, t, start(ctx, t, engine, reg.Ref(image)), "/src/services/one/main.go")
	if got := treeOf(ctx, t, reg, image)["/app/.server.dlvgen"].owner(); got != "0755 7:8" {
		t.Errorf("the program behind the launcher is %s, want production's 0755 7:8", got)
	}
}

// proxied is a program that the Go module proxy has at a released version.
const proxied = "github.com/rakyll/hey@v0.1.4"

const proxiedDockerfile = "FROM scratch\nCOPY bin/server /server\nENTRYPOINT [\"/server\"]\n"

func TestAReadyMadeProgramIsCompiledAgainFromTheModuleProxy(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit|testenv.NeedDocker)
	ctx := deadline(t)
	bk, reg, engine := testenv.SharedBuildKit(t), testenv.SharedRegistry(t), testenv.SharedDocker(t)
	service := t.TempDir()
	write(t, service, "Dockerfile", proxiedDockerfile)
	goInstall(t, service, proxied)
	const image = "rebuilt/module:v1-debug-src"
	mustDerive(ctx, t, bk, derivation{service: service, options: rebuilding("remote-src", variants.RebuildAuto), push: reg.Ref(image)})

	files := treeOf(ctx, t, reg, image)
	before, after := factsOf(t, filepath.Join(service, "bin", "server")), readFacts(t, files["/server"].data)
	if before.Info.Main != after.Info.Main || after.Debuggable() != nil {
		t.Errorf("the rebuilt program is of %+v, %v, want %+v", after.Info.Main, after.Debuggable(), before.Info.Main)
	}
	if _, ok := files["/go/pkg/mod/github.com/rakyll/hey@v0.1.4/hey.go"]; !ok {
		t.Error("the module's sources are not in the image")
	}
	if r := planIn(t, files[layout.Plan].data).Program.Rebuilt; r == nil || r.String() != "module@v0.1.4" {
		t.Errorf("the plan records %+v", r)
	}
	c := engine.Run(t, "--publish", "127.0.0.1::8000", reg.Ref(image))
	addr, err := c.Addr(ctx, 8000)
	if err != nil {
		t.Fatal(err)
	}
	d, err := testenv.ConnectDelve(ctx, addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.HitFunction(ctx, "main.main", func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestAModuleWithAnotherSumIsRefused changes the sum in the program's build information.
func TestAModuleWithAnotherSumIsRefused(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	service := t.TempDir()
	write(t, service, "Dockerfile", proxiedDockerfile)
	goInstall(t, service, proxied)
	file := filepath.Join(service, "bin", "server")
	program, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sum := factsOf(t, file).Info.Main.Sum
	other := "h1:0000" + sum[len("h1:0000"):]
	if err := os.WriteFile(file, bytes.ReplaceAll(program, []byte(sum), []byte(other)), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	_, err = tryDerive(deadline(t), t, testenv.SharedBuildKit(t), derivation{service: service, options: rebuilding("remote", variants.RebuildModule)})
	want := "/server was compiled from github.com/rakyll/hey@v0.1.4 with the sum " + other + ", and the Go module proxy's has " + sum
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the error is %v, want one with %q", err, want)
	}
}

// TestSymbolsOfAReadyMadeProgram compiles it again byte for byte.
func TestSymbolsOfAReadyMadeProgram(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	service := testenv.Service(t, "prebuilt")
	write(t, service, "Dockerfile", proxiedDockerfile)
	write(t, service, "main.go", "package main\n\nfunc main() { println(1) }\n")
	buildStripped(t, service)
	const image = "rebuilt/symbols:v1-debug-sidecar"
	mustDerive(ctx, t, bk, derivation{service: service, options: rebuilding("sidecar", variants.RebuildContext), push: reg.Ref(image)})
	files := treeOf(ctx, t, reg, image)
	kept := readFacts(t, files[layout.SymbolsFile].data)
	s, was := planIn(t, files[layout.Plan].data).Symbols, factsOf(t, filepath.Join(service, "bin", "server"))
	if !kept.DWARF || s == nil || s.BuildID != was.BuildID || len(s.Sections) == 0 || files["/server"].data != nil {
		t.Errorf("the sidecar has symbols of %+v (debug information: %t), production is %s", s, kept.DWARF, was.BuildID)
	}

	write(t, service, "main.go", "package main\n\nfunc main() { select {} }\n")
	_, err := tryDerive(ctx, t, bk, derivation{service: service, options: rebuilding("sidecar", variants.RebuildContext)})
	if err == nil || !strings.Contains(err.Error(), "/server was compiled again in golang:1.26, and is not the same program byte for byte") {
		t.Errorf("other sources: the error is %v", err)
	}
}

// TestWhatARebuildDiffersInIsTold compiles from a checkout that has moved on since.
func TestWhatARebuildDiffersInIsTold(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	service := testenv.Service(t, "prebuilt")
	commit := func(message string) {
		command(t, service, nil, "git", "add", "--all")
		command(t, service, nil, "git", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message", message)
	}
	command(t, service, nil, "git", "init", "--quiet")
	commit("first")
	command(t, service, []string{"CGO_ENABLED=0"}, "go", "build", "-buildvcs=true", "-ldflags=-s -w", "-o", "bin/server", ".")
	write(t, service, "notes", "more")
	commit("second")
	const image = "rebuilt/moved:v1-debug"
	solved := mustDerive(ctx, t, bk, derivation{service: service, options: rebuilding("remote", variants.RebuildAuto), push: reg.Ref(image)})
	r := planIn(t, treeOf(ctx, t, reg, image)[layout.Plan].data).Program.Rebuilt
	if r == nil || len(r.Revision) != 40 || len(r.Warnings) != 1 || !strings.HasPrefix(r.Warnings[0], "production's was compiled from commit "+r.Revision[:12]+", and the build context is at ") {
		t.Errorf("the plan records %#v", r)
	}
	if !slices.ContainsFunc(solved.Warnings, func(w string) bool {
		return strings.Contains(w, "/server was compiled again: production's was compiled from commit")
	}) {
		t.Errorf("the warnings are %q", solved.Warnings)
	}
}

// TestAProgramThatCanBeDebuggedIsUsedAsItIs has nothing to compile.
func TestAProgramThatCanBeDebuggedIsUsedAsItIs(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, reg := testenv.SharedBuildKit(t), testenv.SharedRegistry(t)
	service := testenv.Service(t, "prebuilt")
	command(t, service, []string{"CGO_ENABLED=0"}, "go", "build", "-gcflags=all=-N -l", "-o", "bin/server", ".")
	want, err := os.ReadFile(filepath.Join(service, "bin", "server"))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []variants.Request{variant("remote"), rebuilding("remote", variants.RebuildAuto)} {
		image := "rebuilt/asitis:v1-debug" + string(o.Rebuild)
		mustDerive(ctx, t, bk, derivation{service: service, options: o, push: reg.Ref(image)})
		files := treeOf(ctx, t, reg, image)
		if !bytes.Equal(files["/server"].data, want) || planIn(t, files[layout.Plan].data).Program.Rebuilt != nil {
			t.Errorf("rebuild %q: the program is another", o.Rebuild)
		}
	}
}
