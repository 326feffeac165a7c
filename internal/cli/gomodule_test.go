//go:build !race

// BuildKit's Dockerfile frontend resolves several base images at once, and writes one field
// from all of them: see frontend/breakpoint_test.go.

package cli_test

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/tools/txtar"
)

// greetings is a program of two modules with ko's configuration and its data. It imports
// little, so that it is compiled in no time.
const greetings = `
-- app/go.mod --
module example.com/greetings

go 1.26

require example.com/lib v0.0.0

replace example.com/lib => ../lib
-- app/.ko.yaml --
defaultBaseImage: unused.example/image
baseImageOverrides:
  example.com/greetings/cmd/greet: gcr.io/distroless/static:nonroot
builds:
- id: greet
  main: ./cmd/greet
  flags: [-tags, polite]
  ldflags:
  - -s -w
  - -X main.version={{.Env.DLVGEN_TEST_VERSION}}
-- app/secret.env --
PASSWORD=1
-- app/NOTICE --
a notice
-- app/cmd/greet/greet.go --
package main

import (
	"syscall"

	"example.com/lib"
)

var version string

func main() {
	folder, _ := syscall.Getenv("KO_DATA_PATH")
	fd, err := syscall.Open(folder+"/texts/greeting", syscall.O_RDONLY, 0)
	if err != nil {
		panic(err)
	}
	data := make([]byte, 64)
	n, err := syscall.Read(fd, data)
	if err != nil {
		panic(err)
	}
	greet(lib.Twice(string(data[:n])), version, polite)
}

//go:noinline
func greet(text, version string, polite bool) {
	println(text, version, polite)
}
-- app/cmd/greet/polite.go --
//go:build polite

package main

const polite = true
-- app/cmd/greet/rude.go --
//go:build !polite

package main

const polite = false
-- app/cmd/greet/kodata/texts/greeting --
hello
-- lib/go.mod --
module example.com/lib

go 1.26
-- lib/lib.go --
package lib

// Twice is a text, twice.
func Twice(text string) string { return text + text }
`

// greetingsVersion is the version of greetings, which one compile is shared by.
const greetingsVersion = "v1.2.3"

// writeGreetings writes the modules to a folder of the test's own, and returns that of the
// program.
func writeGreetings(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, f := range txtar.Parse([]byte(greetings)).Files {
		name := filepath.Join(root, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(root, "app", "cmd", "greet")
	if err := os.Symlink("../../../NOTICE", filepath.Join(dir, "kodata", "NOTICE")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestAGoModuleIsBuiltWithoutADockerfile builds the production image and a variant, and
// stops in the variant's program.
func TestAGoModuleIsBuiltWithoutADockerfile(t *testing.T) {
	reg := needBuildKit(t)
	t.Setenv("DLVGEN_TEST_VERSION", greetingsVersion)
	ctx, ref, listen := proctest.Context(t), reg.Ref("cli/module:v1"), fmt.Sprintf("127.0.0.1:%d", testenv.FreePort(t))
	args := []string{"-t", ref, "--variant", "remote-src,production", "--listen", listen, "--push"}
	lines := mustBuild(t, append(args, writeGreetings(t))...)
	if len(lines) != 2 || !strings.HasPrefix(lines[0], ref+"@") || !strings.HasPrefix(lines[1], ref+"-debug-src@") {
		t.Fatalf("stdout has %q", lines)
	}
	image, err := reg.Image(ctx, "cli/module:v1")
	if err != nil {
		t.Fatal(err)
	}
	checkKoImage(t, image)
	debug, err := reg.Image(ctx, "cli/module:v1-debug-src")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range filesOf(t, debug) {
		if strings.Contains(name, "secret.env") || strings.HasSuffix(name, "rude.go") {
			t.Errorf("the debug image has %s", name)
		}
	}
	stopInGreet(ctx, t, debug, listen)
	verifyHonest(t, ref+"-debug-src", ref)

	// Another checkout, and every step once more: the image is the same.
	again := mustBuild(t, "-t", reg.Ref("cli/module-again:v1"), "--variant", "production", "--no-cache", "--push", writeGreetings(t))
	if _, digest, _ := strings.Cut(lines[0], "@"); len(again) != 1 || !strings.HasSuffix(again[0], "@"+digest) {
		t.Errorf("the second build made %q, and the first one %s", again, digest)
	}
}

// TestTheProxysPasswordIsInNothingThatIsWritten has it in the environment, and provenance that
// shows all build arguments. The compile gets the variable all the same.
func TestTheProxysPasswordIsInNothingThatIsWritten(t *testing.T) {
	needBuildKit(t)
	t.Setenv("DLVGEN_TEST_VERSION", greetingsVersion)
	t.Setenv("GOPROXY", "https://someone:hunter2@proxy.invalid,off")
	t.Setenv("GOPRIVATE", "corp.example")
	dir := t.TempDir()
	mustBuild(t, "-t", "app:v1", "--variant", "remote", "--provenance", "mode=max", "-o", dir, writeGreetings(t))
	files := map[string]bool{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		dt, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = bytes.Contains(dt, []byte(`"GOPROXY"`)) && bytes.Contains(dt, []byte("corp.example"))
		if bytes.Contains(dt, []byte("hunter2")) {
			t.Errorf("%s has the password", name)
		}
		return err
	})
	if err != nil || !files["provenance.json"] || len(files) < 5 {
		t.Errorf("%v: the provenance says nothing of the variables: %v", err, files)
	}
}

// serviceConfig is ko's configuration of any service of testdata.
const serviceConfig = `
defaultBaseImage: alpine:3
defaultPlatforms: [linux/amd64]
builds:
- main: .
  ldflags: -s -w -X main.version={{.Env.DLVGEN_TEST_VERSION}}
`

// TestTheServicesNeedNoDockerfile takes them as modules, with and without ko's configuration:
// all are explained, and one of each is built.
func TestTheServicesNeedNoDockerfile(t *testing.T) {
	needBuildKit(t)
	t.Setenv("DLVGEN_TEST_VERSION", "v1")
	configured := map[string]string{".ko.yaml": serviceConfig}
	for _, name := range []string{"hello", "dependency", "guarded", "makefile", "script"} {
		for _, more := range []map[string]string{nil, configured} {
			dir := serviceModule(t, name, more)
			var stdout, stderr bytes.Buffer
			args := []string{"explain", "--addr", testenv.SharedBuildKit(t).Addr, "--format", "json", dir}
			if code := cli.Run(proctest.Context(t), args, strings.NewReader(""), &stdout, &stderr); code != cli.ExitOK {
				t.Fatalf("%s: exit code %d\n%s", name, code, stderr.String())
			}
			var explained []struct{ Program, Origin, Refusal string }
			if err := json.Unmarshal(stdout.Bytes(), &explained); err != nil {
				t.Fatal(err)
			}
			flags := strings.Contains(explained[0].Origin, "go build -trimpath '-ldflags=-s -w -X main.version=v1' -o /ko-app/"+name+" .")
			if e := explained[0]; e.Program != "/ko-app/"+name || e.Refusal != "" || flags != (more != nil) {
				t.Errorf("%s: explained is %+v", name, e)
			}
			if base := map[bool]string{true: "library/alpine:3", false: "cgr.dev/chainguard/static:latest"}[more != nil]; !strings.Contains(stderr.String(), base) {
				t.Errorf("%s: the base is not %s:\n%s", name, base, stderr.String())
			}
		}
	}
	for name, more := range map[string]map[string]string{"hello": nil, "dependency": configured} {
		out := mustBuild(t, "-t", "app:v1", "--dry-run", serviceModule(t, name, more))
		if text := strings.Join(out, "\n"); !strings.Contains(text, `"path": "/ko-app/`+name+`"`) {
			t.Errorf("%s: the plan is %s", name, text)
		}
	}
}

// serviceModule is a service without its Dockerfile, with more files.
func serviceModule(t *testing.T, name string, more map[string]string) string {
	t.Helper()
	dir := testenv.Service(t, name)
	if err := os.Remove(filepath.Join(dir, "Dockerfile")); err != nil {
		t.Fatal(err)
	}
	for name, text := range more {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestAModuleIsCompiledForEachPlatform has a base that every platform has.
func TestAModuleIsCompiledForEachPlatform(t *testing.T) {
	reg := needBuildKit(t)
	t.Setenv("DLVGEN_TEST_VERSION", greetingsVersion)
	ref, err := name.ParseReference(reg.Ref("cli/module-platforms:v1"), name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	mustBuild(t, "-t", ref.Name(), "--variant", "production", "--base", "scratch", "--platform", "linux/amd64,linux/arm64", "--push", writeGreetings(t))
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		image, err := remote.Image(ref, remote.WithContext(proctest.Context(t)), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: arch}))
		if err != nil {
			t.Fatal(err)
		}
		f, err := elf.NewFile(bytes.NewReader(fileOf(t, image, "ko-app/greet")))
		if err != nil {
			t.Fatal(err)
		}
		if f.Machine != machine {
			t.Errorf("the program for %s is for %s", arch, f.Machine)
		}
	}
}

// fileOf is a file of an image.
func fileOf(t *testing.T, image v1.Image, path string) []byte {
	t.Helper()
	r := mutate.Extract(image)
	defer func() { _ = r.Close() }()
	for files := tar.NewReader(r); ; {
		h, err := files.Next()
		if err != nil {
			t.Fatalf("looking for %s: %v", path, err)
		}
		if strings.Trim(h.Name, "/") == path {
			data, err := io.ReadAll(files)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
}

// checkKoImage compares a production image with what ko lays out.
func checkKoImage(t *testing.T, image v1.Image) {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := config.Config
	if !slices.Equal(c.Entrypoint, []string{"/ko-app/greet"}) || len(c.Cmd) > 0 || c.User != "65532" || !slices.Contains(c.Env, "KO_DATA_PATH=/var/run/ko") ||
		!slices.ContainsFunc(c.Env, func(v string) bool { return strings.HasPrefix(v, "PATH=/") && strings.HasSuffix(v, ":/ko-app") }) || config.Created.Unix() != 0 {
		t.Errorf("the config is %+v, created %s", c, config.Created)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 3 {
		t.Fatalf("%d layers, %v, want one of the base, one of the program and one of its data", len(layers), err)
	}
	var names []string
	for _, layer := range layers[1:] {
		r, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range testenv.Entries(r) {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, strings.Trim(e.Name, "/"))
			if e.Typeflag == tar.TypeReg && (e.Mode&0o777 != 0o555 || e.ModTime.Unix() != 0 || e.Uid != 0) {
				t.Errorf("%s has mode %o and time %s, and is of user %d", e.Name, e.Mode, e.ModTime, e.Uid)
			}
		}
	}
	if want := []string{"ko-app", "ko-app/greet", "var", "var/run", "var/run/ko", "var/run/ko/NOTICE", "var/run/ko/texts", "var/run/ko/texts/greeting"}; !slices.Equal(names, want) {
		t.Errorf("the layers have %q, want %q", names, want)
	}
}

// filesOf are the paths in an image.
func filesOf(t *testing.T, image v1.Image) []string {
	t.Helper()
	var names []string
	for e, err := range testenv.Entries(mutate.Extract(image)) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name)
	}
	return names
}

// stopInGreet runs a debug image and looks at what the program calls greet with.
func stopInGreet(ctx context.Context, t *testing.T, image v1.Image, listen string) {
	t.Helper()
	d := connectTo(ctx, t, image, listen)
	state, err := d.HitFunction(ctx, "main.greet", func(context.Context) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if got := state.CurrentThread.File; got != "/src/app/cmd/greet/greet.go" {
		t.Errorf("stopped in %s", got)
	}
	values, err := d.Variables()
	if err != nil {
		t.Fatal(err)
	}
	if values["text"] != `"hello\nhello\n"` || values["version"] != `"`+greetingsVersion+`"` || values["polite"] != "true" {
		t.Errorf("the program was called with %v", values)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// connectTo runs a debug image and connects to its debugger.
func connectTo(ctx context.Context, t *testing.T, image v1.Image, listen string) *testenv.Delve {
	t.Helper()
	bundle := testenv.NewBundle(t)
	cmd := exec.CommandContext(ctx, "tar", "--extract", "--numeric-owner", "--preserve-permissions", "--directory", bundle.Path("/"))
	r := mutate.Extract(image)
	defer func() { _ = r.Close() }()
	cmd.Stdin = r
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("unpacking the image: %v: %s", err, out)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	bundle.Run(t, ocispecs.ImageConfig{Entrypoint: config.Config.Entrypoint, Cmd: config.Config.Cmd, Env: config.Config.Env, User: config.Config.User, WorkingDir: config.Config.WorkingDir})
	d, err := testenv.ConnectDelve(ctx, listen)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestProgramsOfRealModulesNeedNoDockerfile derives from modules as the module proxy has
// them: those that dlvgen itself depends on, so that this machine has them already.
func TestProgramsOfRealModulesNeedNoDockerfile(t *testing.T) {
	t.Parallel()
	needBuildKit(t)
	for program, asked := range map[string]string{
		"github.com/google/go-containerregistry/cmd/registry": "github.com/google/go-containerregistry",
		"github.com/golang-jwt/jwt/v5/cmd/jwt":                "github.com/golang-jwt/jwt/v5",
		"github.com/fsnotify/fsnotify/cmd/fsnotify":           "github.com/fsnotify/fsnotify",
		"github.com/klauspost/compress/s2/cmd/s2c":            "github.com/klauspost/compress",
		"mvdan.cc/sh/v3/cmd/gosh":                             "mvdan.cc/sh/v3",
	} {
		t.Run(asked, func(t *testing.T) {
			dir := filepath.Join(downloaded(t, asked), strings.TrimPrefix(program, asked))
			r := dlvgen(t, "-t", "app:v1", "--dry-run", "--build-context", golangOf(t, dir)+"=docker-image://golang:1.26", dir)
			if r.code != cli.ExitOK {
				t.Fatalf("exit code %d\n%s", r.code, r.stderr)
			}
			var plan struct {
				Program struct{ Path, ImportPath, GoVersion string }
				Config  ocispecs.Image
			}
			if err := json.Unmarshal([]byte(r.stdout), &plan); err != nil {
				t.Fatal(err)
			}
			want := "/ko-app/" + filepath.Base(program)
			if plan.Program.Path != want || plan.Program.ImportPath != program || plan.Config.Config.User != "65532" {
				t.Errorf("the plan is for %+v, of user %q", plan.Program, plan.Config.Config.User)
			}
		})
	}
}

// downloaded is the folder of a module that go.mod names.
func downloaded(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.CommandContext(proctest.Context(t), "go", "mod", "download", "-json", module).Output()
	var m struct{ Dir string }
	if err == nil {
		err = json.Unmarshal(out, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m.Dir
}

// goLine is a line of go.mod that names a toolchain.
var goLine = regexp.MustCompile(`(?m)^(?:go |toolchain go)([0-9.]+)$`)

// golangOf is the image that a module is compiled in, as the last of these lines has it.
func golangOf(t *testing.T, dir string) string {
	t.Helper()
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil {
			lines := goLine.FindAllStringSubmatch(string(text), -1)
			return "golang:" + lines[len(lines)-1][1]
		}
	}
	t.Fatal("there is no go.mod")
	return ""
}
