//go:build linux && !race

// BuildKit's Dockerfile frontend resolves several base images at once, and writes one field
// from all of them: see frontend/breakpoint_test.go.

package cli_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"golang.org/x/tools/txtar"
)

// shop is a module with two programs, and a package whose test fails in the image only.
const shop = `
-- Dockerfile --
FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -tags production -ldflags="-s -w -X example.com/shop/store.version=v1" -o /bin/server ./cmd/server
RUN CGO_ENABLED=0 go build -o /bin/worker ./cmd/worker

FROM alpine:3
ENV MODE=production
WORKDIR /srv
COPY --from=build /bin/server /bin/worker /bin/
USER 65532:65532
HEALTHCHECK CMD ["/bin/server", "-health"]
ENTRYPOINT ["/bin/server"]
CMD ["-serve"]
-- .dockerignore --
**/private.txt
-- go.mod --
module example.com/shop

go 1.26
-- cmd/server/main.go --
package main

import "example.com/shop/store"

func main() { println(store.Tagged, store.Version()) }
-- cmd/worker/main.go --
package main

import "example.com/shop/store"

func main() { println(store.Tagged) }
-- store/store.go --
package store

var version = "none"

// Version is the program's.
func Version() string { return version }
-- store/production.go --
//go:build production

package store

// Tagged is set by a build tag.
const Tagged = true
-- store/development.go --
//go:build !production

package store

// Tagged is set by a build tag.
const Tagged = false
-- store/store_test.go --
package store

import (
	"os"
	"testing"
)

//go:noinline
func check(t *testing.T, mode string, uid int, dir, golden string) {
	t.Helper()
	if mode == "production" {
		t.Errorf("fails as %d in %s, built as %v %s with %q", uid, dir, Tagged, version, golden)
	}
}

func TestOnlyHere(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	golden, err := os.ReadFile("testdata/golden.txt")
	if err != nil {
		t.Fatal(err)
	}
	check(t, os.Getenv("MODE"), os.Getuid(), dir, string(golden))
}

func TestEverywhere(t *testing.T) {
	if _, err := os.Stat("testdata/private.txt"); !os.IsNotExist(err) {
		t.Error("there is what .dockerignore leaves out")
	}
	if _, err := os.Stat("/bin/server"); err != nil {
		t.Error(err)
	}
}
-- store/testdata/golden.txt --
golden
-- store/testdata/private.txt --
private
-- other/other.go --
package other
-- other/other_test.go --
package other
`

// writeShop writes the module to a folder of the test's own.
func writeShop(t *testing.T) string {
	t.Helper()
	files := map[string]string{}
	for _, f := range txtar.Parse([]byte(shop)).Files {
		files[f.Name] = string(f.Data)
	}
	return proctest.Files(t, files)
}

// buildTests is a `dlvgen test` against the shared BuildKit.
func buildTests(t *testing.T, args ...string) ran {
	t.Helper()
	return call(t, append([]string{"test", "--addr", testenv.SharedBuildKit(t).Addr, "--progress", "plain"}, args...)...)
}

// TestTestsFailInTheImageAsTheyDoThere stops in a test that fails with production's settings
// alone, and lets it fail.
func TestTestsFailInTheImageAsTheyDoThere(t *testing.T) {
	reg := needBuildKit(t)
	testenv.Require(t, testenv.NeedDocker)
	ctx, engine, dir := proctest.Context(t), testenv.SharedDocker(t), writeShop(t)
	production, ref := reg.Ref("cli/tests:v1"), reg.Ref("cli/tests:v1-test")
	if solved, err := testenv.SharedBuildKit(t).Solve(ctx, testenv.Solve{Context: dir, Push: production}); err != nil {
		t.Fatalf("%v\n%s", err, solved.Log)
	}
	r := buildTests(t, "-t", production, "--push", filepath.Join(dir, "store"), dir, "--", "-v")
	if r.code != cli.ExitOK || !strings.HasPrefix(r.stdout, ref+"@sha256:") || strings.Count(r.stdout, "\n") != 1 {
		t.Fatalf("exit code %d, stdout %q\n%s", r.code, r.stdout, r.stderr)
	}
	t.Cleanup(func() { _, _ = engine.CLI(context.Background(), "image", "rm", "--force", ref) })
	if err := engine.Pull(ctx, ref); err != nil {
		t.Fatal(err)
	}
	stopInTest(ctx, t, engine.Run(t, "--publish", "127.0.0.1::8000", ref))

	const failure = `fails as 65532 in /src/store, built as true v1 with "golden\n"`
	for _, how := range []struct {
		args     []string
		code     int
		has, not string
	}{
		{[]string{"--env", "DLVGEN_START=off", ref}, 1, failure, "PASS\n"},
		{[]string{"--env", "DLVGEN_START=continue", ref}, 1, failure, "PASS\n"},
		{[]string{"--env", "DLVGEN_START=continue", "--env", "MODE=development", ref}, 0, "--- PASS: TestOnlyHere", "FAIL"},
		{[]string{"--env", "DLVGEN_START=off", ref, "-test.run=Everywhere"}, 0, "PASS\n", "---"},
	} {
		ended, err := engine.RunToEnd(ctx, "", how.args...)
		if err != nil {
			t.Fatal(err)
		}
		if ended.Code != how.code || !strings.Contains(ended.Stdout, how.has) || strings.Contains(ended.Stdout, how.not) {
			t.Errorf("%q: exit code %d, the tests printed\n%s\n%s", how.args, ended.Code, ended.Stdout, ended.Stderr)
		}
	}
	debugTestImage(t, engine, dir, ref)
	checkTestImage(t, reg)
	verifyHonest(t, ref, production)
	if list := mustCall(t, "ls", production).stdout; !strings.Contains(list, "v1-test") {
		t.Errorf("dlvgen ls does not list the image:\n%s", list)
	}
}

// stopInTest stops in the test, and has it end.
func stopInTest(ctx context.Context, t *testing.T, c *testenv.Container) {
	t.Helper()
	addr, err := c.Addr(ctx, 8000)
	if err != nil {
		t.Fatal(err)
	}
	d, err := testenv.ConnectDelve(ctx, addr)
	if err != nil {
		t.Fatal(err)
	}
	state, err := d.HitFunction(ctx, "example.com/shop/store.check", func(context.Context) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	values, err := d.Variables()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"mode": `"production"`, "uid": "65532", "dir": `"/src/store"`, "golden": `"golden\n"`} {
		if values[name] != want {
			t.Errorf("%s is %s, want %s", name, values[name], want)
		}
	}
	if file := state.CurrentThread.File; file != "/src/store/store_test.go" {
		t.Errorf("stopped in %s", file)
	}
	if state := <-d.Continue(); !state.Exited || state.ExitStatus != 1 {
		t.Errorf("the tests have come to %+v", state)
	}
	_ = d.Close() // there is nothing to be left as it is
	if code, err := c.Wait(ctx); err != nil || code != 1 {
		t.Errorf("exit code %d, %v", code, err)
	}
}

// debugTestImage has `dlvgen debug` run the image for a prompt.
func debugTestImage(t *testing.T, engine *testenv.Docker, dir, ref string) {
	t.Helper()
	dlv, err := testenv.Program(t.Context(), "dlv")
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), callEnv+"=1", "DOCKER_HOST="+engine.Host, "XDG_CACHE_HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir(),
		"PATH="+filepath.Dir(dlv)+":"+os.Getenv("PATH"), "TERM=dumb", "KUBECONFIG=/nonexistent/kubeconfig")
	c := startCall(t, dir, env, "debug", ref)
	c.says(t, &c.stderr, "the program stands still while the prompt waits")
	c.types(t, "break example.com/shop/store.check")
	c.says(t, &c.stdout, "Breakpoint 1 set at")
	c.types(t, "continue")
	c.says(t, &c.stdout, "> [Breakpoint 1] example.com/shop/store.check(")
	c.says(t, &c.stdout, `if mode == "production" {`)
	c.types(t, "exit", "n")
	c.end(t, 0, cli.ExitOK)
}

// checkTestImage looks at what is in the image beside production's.
func checkTestImage(t *testing.T, reg *testenv.Registry) {
	t.Helper()
	image, err := reg.Image(proctest.Context(t), "cli/tests:v1-test")
	if err != nil {
		t.Fatal(err)
	}
	var below []string
	for _, name := range filesOf(t, image) {
		if name = strings.Trim(name, "/"); strings.HasPrefix(name, "src") {
			below = append(below, name)
		}
	}
	slices.Sort(below)
	if want := []string{"src", "src/store", "src/store/testdata", "src/store/testdata/golden.txt"}; !slices.Equal(below, want) {
		t.Errorf("the image has %q, want %q", below, want)
	}
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c := file.Config; c.User != "65532:65532" || !slices.Contains(c.Env, "MODE=production") || c.Healthcheck != nil || c.WorkingDir != "/src/store" {
		t.Errorf("the config is %+v", c)
	}
}

// TestTestsAreThoseOfAPackageOfTheProgramsModule has each mistake told.
func TestTestsAreThoseOfAPackageOfTheProgramsModule(t *testing.T) {
	needBuildKit(t)
	dir := writeShop(t)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"example.com/shop/none", dir}, "there is no package example.com/shop/none in the module example.com/shop"},
		{[]string{"example.com/else", dir}, "there is no package example.com/else in the module example.com/shop"},
		{[]string{"example.com/shop/cmd/worker", dir}, "example.com/shop/cmd/worker has no test files"},
		{[]string{"--program", "/bin/none", "example.com/shop/store", dir}, `--program is "/bin/none", and there is no such file`},
		{[]string{"--program", "/bin/busybox", "example.com/shop/store", dir}, "/bin/busybox"},
		{[]string{"example.com/shop/store", testenv.Service(t, "nogo")}, "the build compiles no Go program"},
	} {
		r := buildTests(t, append([]string{"--dry-run"}, test.args...)...)
		if line, _, _ := strings.Cut(lastError(r.stderr), "\n"); r.code != cli.ExitFailure || !strings.Contains(line, test.want) {
			t.Errorf("%q: exit code %d, want %q in\n%s", test.args, r.code, test.want, r.stderr)
		}
	}
	// Another program's way of compiling, and what it makes of it.
	r := buildTests(t, "--dry-run", "--program", "/bin/worker", "example.com/shop/store", dir)
	if want := `"program": "/bin/worker"`; r.code != cli.ExitOK || !strings.Contains(r.stdout, want) {
		t.Errorf("exit code %d, want %s in\n%s%s", r.code, want, r.stdout, r.stderr)
	}
	broken := filepath.Join(dir, "store", "broken_test.go")
	if err := os.WriteFile(broken, []byte("package store\n\nvar _ = undefined\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r = buildTests(t, "--dry-run", filepath.Join(dir, "store"), dir)
	for _, want := range []string{"store/broken_test.go:3:9: undefined: undefined", "Dockerfile:4", "did not complete successfully: exit code: 1"} {
		if r.code != cli.ExitFailure || !strings.Contains(r.stderr, want) {
			t.Errorf("exit code %d, want %q in\n%s", r.code, want, r.stderr)
		}
	}
}

// lastError is what dlvgen said of its failure.
func lastError(stderr string) string {
	_, text, _ := strings.Cut(stderr, "\ndlvgen: ")
	return text
}

// TestAModuleWithoutADockerfileIsTested stops in a test of a main package.
func TestAModuleWithoutADockerfileIsTested(t *testing.T) {
	reg := needBuildKit(t)
	t.Setenv("DLVGEN_TEST_VERSION", greetingsVersion)
	ctx, dir, listen := proctest.Context(t), writeGreetings(t), fmt.Sprintf("127.0.0.1:%d", testenv.FreePort(t))
	const text = "package main\n\nimport \"testing\"\n\nfunc TestGreet(t *testing.T) { greet(\"test\", version, polite) }\n"
	if err := os.WriteFile(filepath.Join(dir, "greet_test.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := buildTests(t, "-t", reg.Ref("cli/moduletests:v1"), "--listen", listen, "--push", dir, dir); r.code != cli.ExitOK {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	image, err := reg.Image(ctx, "cli/moduletests:v1-test")
	if err != nil {
		t.Fatal(err)
	}
	d := connectTo(ctx, t, image, listen)
	if _, err := d.HitFunction(ctx, "example.com/greetings/cmd/greet.greet", func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	values, err := d.Variables()
	if err != nil || values["text"] != `"test"` || values["version"] != `""` || values["polite"] != "true" {
		t.Errorf("the test calls it with %v, %v", values, err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDockerEngineBuildsTests has a builder that copies what others merge, and an image in which
// nothing is there beside the program.
func TestDockerEngineBuildsTests(t *testing.T) {
	reg := needBuildKit(t)
	testenv.Require(t, testenv.NeedDocker|testenv.NeedRoot)
	engine := testenv.SharedDocker(t)
	u := newUser(t, reg, engine)
	for name, text := range map[string]string{
		"tick_test.go": "package main\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestTick(t *testing.T) {\n\tdata, err := os.ReadFile(\"testdata/n\")\n\tif err != nil || tick(1) != int(data[0]-'0') {\n\t\tt.Fatal(string(data), err)\n\t}\n}\n",
		"testdata/n":   "2",
	} {
		name = filepath.Join(u.service, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const tag = "dlvgen-cli-tests:v1"
	t.Cleanup(func() { _, _ = engine.CLI(context.Background(), "image", "rm", "--force", tag+"-test") })
	r := u.calls(t, false, []string{"DOCKER_HOST=" + engine.Host}, "test", ".", "--progress", "plain", "-t", tag, "--load", "--", "-v")
	if r.code != cli.ExitOK || !strings.Contains(r.stderr, "building on Docker Engine's builder") {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	for mode, said := range map[string]string{"off": "", "continue": "API server listening"} {
		ended, err := engine.RunToEnd(proctest.Context(t), "", "--env", "DLVGEN_START="+mode, tag+"-test")
		if err != nil || ended.Code != 0 || !strings.Contains(ended.Stdout, "--- PASS: TestTick") || !strings.Contains(ended.Stderr, said) {
			t.Errorf("%s: %v: %+v", mode, err, ended)
		}
	}
}

// TestProductionsOwnTestdataStays has an image that production compiles in, as a user of its own:
// the tests find what they would find in production.
func TestProductionsOwnTestdataStays(t *testing.T) {
	reg := needBuildKit(t)
	ctx, dir := proctest.Context(t), writeShop(t)
	const dockerfile = `FROM golang:1.26
WORKDIR /src
RUN chown 65532:65532 /src && chmod 1770 /src
USER 65532:65532
ENV MODE=production GOCACHE=/tmp/go-build
COPY --chown=65532:65532 . .
RUN CGO_ENABLED=0 go build -o /tmp/worker ./cmd/worker && CGO_ENABLED=0 go build -o /tmp/server ./cmd/server
ENTRYPOINT ["/tmp/server"]
`
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o600); err != nil {
		t.Fatal(err)
	}
	production, ref := reg.Ref("cli/owntests:v1"), reg.Ref("cli/owntests:v1-test")
	if solved, err := testenv.SharedBuildKit(t).Solve(ctx, testenv.Solve{Context: dir, Push: production}); err != nil {
		t.Fatalf("%v\n%s", err, solved.Log)
	}
	if r := buildTests(t, "-t", production, "--push", filepath.Join(dir, "store"), dir); r.code != cli.ExitOK {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	verifyHonest(t, ref, production)
	image, err := reg.Image(ctx, "cli/owntests:v1-test")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for e, err := range testenv.Entries(mutate.Extract(image)) {
		if err != nil {
			t.Fatal(err)
		}
		switch name := strings.Trim(e.Name, "/"); {
		case name == "src" && e.Mode&0o7777 != 0o1770, strings.HasPrefix(name, "src") && e.Uid != 65532:
			t.Errorf("%s has mode %o and is of %d", e.Name, e.Mode, e.Uid)
		case name == "src/store/testdata/golden.txt":
			seen++
		}
	}
	if seen != 1 {
		t.Errorf("the image has the testdata %d times", seen)
	}
}
