//go:build !race

// What is derived from are other programs, which are compiled without the detector.

package cli_test

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/go-delve/delve/service/api"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
)

// publishedVariable in the environment asks for the test of programs of the module proxy,
// which compiles each for production and for debugging: minutes, where others take seconds.
const publishedVariable = "DLVGEN_TEST_PUBLISHED"

// aProgram is a program of the module proxy, and how its authors or a user compile it.
type aProgram struct {
	pkg, version string   // of go install
	ldflags      string   // beside -s -w
	env          []string // beside CGO_ENABLED=0
	architecture string   // amd64 where it is empty
	base         string   // image that production is made on, empty for none
	loader       string   // dynamic linker, empty for a static program
	toolchain    string   // of dlvgen derive

	variable, value string // of the program, that -X sets
}

// programsOfTheModuleProxy are tools of some size, whose compile costs little.
var programsOfTheModuleProxy = map[string]aProgram{
	"hey":           {pkg: "github.com/rakyll/hey", version: "v0.1.4"},
	"age":           {pkg: "filippo.io/age/cmd/age", version: "v1.2.1", env: []string{"GOFLAGS=-trimpath"}},
	"stringer":      {pkg: "golang.org/x/tools/cmd/stringer", version: "v0.38.0"},
	"gotestsum":     {pkg: "gotest.tools/gotestsum", version: "v1.13.0"},
	"protoc-gen-go": {pkg: "google.golang.org/protobuf/cmd/protoc-gen-go", version: "v1.36.10"},
	"gojq":          {pkg: "github.com/itchyny/gojq/cmd/gojq", version: "v0.12.17", ldflags: "-X 'github.com/itchyny/gojq/cli.revision=ours and others'", variable: "cli.revision", value: "ours and others"},
	"shfmt":         {pkg: "mvdan.cc/sh/v3/cmd/shfmt", version: "v3.12.0", ldflags: "-X main.version=v3.12.0-ours", variable: "main.version", value: "v3.12.0-ours"},

	"gops-with-cgo":       {pkg: "github.com/google/gops", version: "v0.3.28", env: []string{"CGO_ENABLED=1"}, base: "library/debian:bookworm-slim", loader: "/lib64/ld-linux-x86-64.so.2"},
	"hey-with-static-cgo": {pkg: "github.com/rakyll/hey", version: "v0.1.4", env: []string{"CGO_ENABLED=1"}, ldflags: "-linkmode external -extldflags -static"},
	"age-for-arm64":       {pkg: "filippo.io/age/cmd/age", version: "v1.2.1", env: []string{"GOARCH=arm64"}, architecture: "arm64"},
	"age-of-another-go":   {pkg: "filippo.io/age/cmd/age", version: "v1.2.1", env: []string{"GOTOOLCHAIN=go1.25.4"}, toolchain: variants.RebuildHost},
}

// production compiles the program as production does, stripped.
func (p aProgram) production(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(proctest.Context(t), "go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	gopath := t.TempDir()
	cmd := exec.CommandContext(proctest.Context(t), "go", "install", "-ldflags=-s -w "+p.ldflags, p.pkg+"@"+p.version) //nolint:gosec // the test's own words
	cmd.Dir = "/"
	cmd.Env = slices.Concat(os.Environ(), []string{"CGO_ENABLED=0", "GOFLAGS=", "GOBIN=", "GOPATH=" + gopath, "GOMODCACHE=" + strings.TrimSpace(string(out))}, p.env)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", cmd, err, out)
	}
	found, err := filepath.Glob(filepath.Join(gopath, "bin", "*"))
	if p.architecture != "" && err == nil {
		found, err = filepath.Glob(filepath.Join(gopath, "bin", "*", "*"))
	}
	if err != nil || len(found) != 1 {
		t.Fatalf("%v made %q, %v", cmd, found, err)
	}
	return found[0]
}

// publish pushes an image that has nothing of Go but the program.
func (p aProgram) publish(t *testing.T, reg *testenv.Registry, image, program string) {
	t.Helper()
	base := empty.Image
	if p.base != "" {
		var err error
		if base, err = reg.Image(proctest.Context(t), p.base); err != nil {
			t.Fatal(err)
		}
	}
	architecture := p.architecture
	if architecture == "" {
		architecture = "amd64"
	}
	publishOn(t, reg, image, program, base, architecture)
}

// TestProgramsOfTheModuleProxy has published images alone, of programs that others wrote:
// stripped, with cgo, with variables of -X, for another architecture. What is derived stops in
// main under a client of Delve, where this machine can run it.
func TestProgramsOfTheModuleProxy(t *testing.T) {
	if os.Getenv(publishedVariable) == "" {
		t.Skip("make test-published runs it")
	}
	reg := needBuildKit(t)
	for name, p := range programsOfTheModuleProxy {
		t.Run(name, func(t *testing.T) {
			ctx, listen, repository := proctest.Context(t), fmt.Sprintf("127.0.0.1:%d", testenv.FreePort(t)), "published/"+name
			program := p.production(t)
			p.publish(t, reg, repository+":v1", program)
			args := []string{reg.Ref(repository + ":v1"), "--listen", listen, "--push"}
			if p.toolchain != "" {
				t.Setenv("GOTOOLCHAIN", "auto")
				args = append(args, "--toolchain", p.toolchain)
			}
			if r := derive(t, args...); r.code != cli.ExitOK {
				t.Fatalf("exit code %d\n%s", r.code, r.stderr)
			}
			image, err := reg.Image(ctx, repository+":v1-debug")
			if err != nil {
				t.Fatal(err)
			}
			p.check(t, image)
			var checks bytes.Buffer
			if code := cli.Run(ctx, []string{"verify", reg.Ref(repository + ":v1-debug")}, strings.NewReader(""), &checks, &checks); code != cli.ExitOK {
				t.Errorf("verify: exit code %d\n%s", code, &checks)
			}
			if p.architecture != "" {
				p.checkForeign(t, image)
				return
			}
			d := connectTo(ctx, t, image, listen)
			state, err := d.HitFunction(ctx, "main.main", func(context.Context) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			if got := state.CurrentThread; got.Function == nil || got.Function.Name() != "main.main" || got.Function.Optimized {
				t.Errorf("stopped in %+v", got)
			}
			if p.variable != "" {
				v, err := d.EvalVariable(api.EvalScope{GoroutineID: -1}, p.variable, api.LoadConfig{MaxStringLen: 100})
				if err != nil || v.Value != p.value {
					t.Errorf("%s is %+v, %v, and production set %q", p.variable, v, err, p.value)
				}
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
	t.Run("without build information", func(t *testing.T) {
		program := programsOfTheModuleProxy["hey"].production(t)
		text, err := os.ReadFile(program)
		if err == nil {
			err = os.WriteFile(program, bytes.Replace(text, []byte("\xff Go buildinf:"), make([]byte, 14), 1), 0o700) //nolint:gosec // a program
		}
		if err != nil {
			t.Fatal(err)
		}
		publish(t, reg, "published/unknown:v1", program)
		want := "/app/server, which the image starts (ENTRYPOINT), cannot be debugged: it is an ELF file but not a Go program: it has no Go build information"
		if r := derive(t, reg.Ref("published/unknown:v1"), "--push"); r.code != cli.ExitFailure || !strings.Contains(r.stderr, want) {
			t.Errorf("exit code %d, want %q\n%s", r.code, want, r.stderr)
		}
		reg.Lacks(t, "published/unknown:v1-debug")
	})
}

// check checks where the program came from, and that it is as production's.
func (p aProgram) check(t *testing.T, image v1.Image) {
	t.Helper()
	var plan variants.Plan
	if err := json.Unmarshal(fileOf(t, image, ".dlvgen/plan.json"), &plan); err != nil {
		t.Fatal(err)
	}
	if r := plan.Program.Rebuilt; r == nil || r.From != variants.RebuildModule || r.Version != p.version || plan.Program.ImportPath != p.pkg {
		t.Errorf("the plan records %+v of %s", r, plan.Program.ImportPath)
	}
	facts, err := gobin.Read(bytes.NewReader(fileOf(t, image, "app/server")))
	if err == nil {
		err = facts.Debuggable()
	}
	if err != nil {
		t.Fatal(err)
	}
	if facts.Interpreter != p.loader {
		t.Errorf("it is linked for %q", facts.Interpreter)
	}
}

// TestThisMachinesGoCompilesAPublishedProgram has no image with Go. The module is one that dlvgen
// depends on, so that this machine has it.
func TestThisMachinesGoCompilesAPublishedProgram(t *testing.T) {
	reg := needBuildKit(t)
	ctx, listen := proctest.Context(t), fmt.Sprintf("127.0.0.1:%d", testenv.FreePort(t))
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}}", "github.com/fsnotify/fsnotify").Output()
	if err != nil {
		t.Fatal(err)
	}
	p := aProgram{pkg: "github.com/fsnotify/fsnotify/cmd/fsnotify", version: strings.TrimSpace(string(out)), env: []string{"GOFLAGS=-trimpath"}}
	p.publish(t, reg, "published/host:v1", p.production(t))
	if r := derive(t, reg.Ref("published/host:v1"), "--toolchain", "host", "--listen", listen, "--push"); r.code != cli.ExitOK {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	image, err := reg.Image(ctx, "published/host:v1-debug")
	if err != nil {
		t.Fatal(err)
	}
	p.check(t, image)
	var plan variants.Plan
	if err := json.Unmarshal(fileOf(t, image, ".dlvgen/plan.json"), &plan); err != nil {
		t.Fatal(err)
	}
	if got := plan.Program.Rebuilt.Image; got != plan.Program.GoVersion+" of this machine" {
		t.Errorf("it was compiled in %s", got)
	}
	d := connectTo(ctx, t, image, listen)
	if _, err := d.HitFunction(ctx, "main.main", func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// checkForeign checks an image that this machine cannot run: the program and Delve are for its
// architecture.
func (p aProgram) checkForeign(t *testing.T, image v1.Image) {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Architecture != p.architecture {
		t.Errorf("the image is for %s", config.Architecture)
	}
	for _, name := range []string{"app/server", "dlv"} {
		f, err := elf.NewFile(bytes.NewReader(fileOf(t, image, name)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if f.Machine != elf.EM_AARCH64 {
			t.Errorf("%s is for %s", name, f.Machine)
		}
	}
}
