//go:build linux && !race

package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/variants"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/moby/buildkit/client"
)

// project is a folder with a bake file of two HTTP services, a worker, and what has no Go.
const project = `variable "REGISTRY" {}
variable "VERSION" {
  default = "v1"
}
group "default" {
  targets = ["hello", "script", "worker", "site"]
}
target "_tagged" {
  tags = ["${REGISTRY}/bake/worker:${VERSION}"]
}
target "hello" {
  context  = "hello"
  tags     = ["${REGISTRY}/bake/hello:${VERSION}", VERSION == "v1" ? "" : "${REGISTRY}/bake/hello:latest"]
  cache-to = ["type=registry,ref=${REGISTRY}/bake/cache"]
}
target "script" {
  context = "script"
  tags    = ["${REGISTRY}/bake/script"]
}
target "base" {
  dockerfile-inline = "FROM golang:1.26"
}
target "worker" {
  inherits   = ["_tagged"]
  context    = "worker"
  contexts   = { base = "target:base" }
}
target "site" {
  context = "nogo"
  tags    = ["${REGISTRY}/bake/site:v1"]
}
`

// newProject makes the folder. The programs are of the test's own, so that they are compiled.
func newProject(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"hello", "script", "nogo"} {
		if err := os.Rename(testenv.Service(t, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	unique := fmt.Sprintf("\nconst madeAt = %d\n", time.Now().UnixNano())
	for name, text := range map[string]string{
		"docker-bake.hcl":   project,
		"worker/go.mod":     "module example.com/worker\n\ngo 1.26\n",
		"worker/main.go":    ticking,
		"worker/Dockerfile": "FROM base AS build\nWORKDIR /src\nCOPY . .\nRUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /worker .\nFROM scratch\nCOPY --from=build /worker /worker\nENTRYPOINT [\"/worker\"]\n",
	} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"hello", "script", "worker"} {
		f, err := os.OpenFile(filepath.Join(dir, name, "main.go"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteString(unique)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// inProject is the working folder of the test, with the project, and buildx on PATH. It
// returns buildx's path.
func inProject(t *testing.T, reg *testenv.Registry) string {
	t.Helper()
	buildx, err := testenv.Program(t.Context(), "docker-buildx")
	if err != nil {
		t.Fatal(err)
	}
	testenv.SharedBuildKit(t) // which finds the repository from the working folder
	t.Chdir(newProject(t))
	t.Setenv("PATH", filepath.Dir(buildx)+":"+os.Getenv("PATH"))
	t.Setenv("BUILDX_CONFIG", t.TempDir())
	t.Setenv("REGISTRY", reg.Host)
	return buildx
}

// bakes runs `dlvgen bake` against the shared BuildKit.
func bakes(t *testing.T, args ...string) ran {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(proctest.Context(t), append([]string{"bake", "--addr", testenv.SharedBuildKit(t).Addr}, args...), strings.NewReader(""), &stdout, &stderr)
	return ran{code, stdout.String(), stderr.String()}
}

// TestABakeFileOfVariantsCompilesOnceAWay writes the file of a project, twice, and builds
// production and all variants with buildx.
func TestABakeFileOfVariantsCompilesOnceAWay(t *testing.T) {
	reg := needBuildKit(t)
	syntax := testenv.FrontendImage(t)
	buildx := inProject(t, reg)
	t.Setenv("DLVGEN_SYNTAX", syntax)

	const file = "docker-bake.debug.hcl"
	write := func(args ...string) (text, stderr string) {
		t.Helper()
		r := bakes(t, append([]string{"-o", file}, args...)...)
		if r.code != cli.ExitOK || r.stdout != "" {
			t.Fatalf("exit code %d, stdout %q\n%s", r.code, r.stdout, r.stderr)
		}
		written, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(written), r.stderr
	}
	text, stderr := write("--start", "hold", "docker-bake.hcl", "default")
	for _, says := range []string{"skipped target site: ", "no step of the Dockerfile compiles Go", "target worker: not checked, since its context base is the result of another target"} {
		if !strings.Contains(stderr, says) {
			t.Errorf("stderr lacks %q:\n%s", says, stderr)
		}
	}
	if command := "\n#     dlvgen bake -o docker-bake.debug.hcl --start hold docker-bake.hcl default\n"; !strings.Contains(text, command) {
		t.Errorf("the file lacks %q:\n%s", command, text)
	}
	if again, _ := write("--start", "hold", file, "docker-bake.hcl", "default"); again != text {
		t.Errorf("the second time the file differs:\n%s", cmp.Diff(text, again))
	}

	run := func(args ...string) []byte {
		t.Helper()
		cmd := exec.CommandContext(proctest.Context(t), buildx, args...)
		var progress bytes.Buffer
		cmd.Stderr = &progress
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v\n%s", err, progress.String())
		}
		return progress.Bytes()
	}
	run("create", "--driver", "remote", "--name", "bake", testenv.SharedBuildKit(t).Addr)
	var progress []byte
	bake := func(file string, targets ...string) []byte {
		return run(append([]string{"bake", "--builder", "bake", "--progress", "rawjson", "-f", "docker-bake.hcl", "-f", file, "--push"}, targets...)...)
	}
	// A service at a time: fifteen frontends at once are more than a busy machine starts in the
	// ten seconds that BuildKit gives them.
	for _, name := range []string{"hello", "script", "worker"} {
		progress = append(progress, bake(file, name, name+"-debug")...)
	}
	want := map[string]int{"hello": 3, "script": 3, "worker": 3} // as production, for debugging, for the sidecar
	if diff := cmp.Diff(want, compiles(t, bytes.NewReader(progress))); diff != "" {
		t.Errorf("compiles (-want +got):\n%s", diff)
	}
	const alone = "docker-bake.hello.hcl"
	if r := bakes(t, "-o", alone, "--start", "hold", "docker-bake.hcl", "hello"); r.code != cli.ExitOK {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	if again := compiles(t, bytes.NewReader(bake(alone, "debug"))); len(again) > 0 {
		t.Errorf("the group of all targets compiles again: %v", again)
	}
	for _, name := range []string{"hello:v1", "script:latest", "worker:v1"} {
		if digestOf(t, reg, "bake/"+name) == digestOf(t, reg, "bake/"+name+"-debug") {
			t.Errorf("the production image %s is a debug image", name)
		}
		for _, v := range variants.Known() {
			img, err := reg.Image(proctest.Context(t), "bake/"+name+v.Suffix)
			if err != nil {
				t.Fatal(err)
			}
			config, err := img.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			if got := config.Config.Labels[variants.LabelVariant]; got != v.Name {
				t.Errorf("%s%s is of variant %q", name, v.Suffix, got)
			}
		}
	}
}

// compiles counts the compile steps that ran, by service. A step of several targets is one,
// with one digest.
func compiles(t *testing.T, progress io.Reader) map[string]int {
	t.Helper()
	commands := map[string]string{"-o /server .": "hello", "./build.sh /out": "script", "-o /worker .": "worker"}
	ran := map[string]bool{}
	count := map[string]int{}
	for decoder := json.NewDecoder(progress); ; {
		var status client.SolveStatus
		err := decoder.Decode(&status)
		if errors.Is(err, io.EOF) {
			return count
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range status.Vertexes {
			if v.Completed == nil || v.Cached || ran[v.Digest.String()] || !strings.Contains(v.Name, "RUN ") {
				continue
			}
			for command, service := range commands {
				if strings.HasSuffix(v.Name, command) {
					ran[v.Digest.String()] = true
					count[service]++
				}
			}
		}
	}
}

const others = `{"variable": {"GIT": {}}, "target": {
	"remote": {"context": "${GIT}#main:hello", "tags": ["remote:v1"]},
	"inline": {"context": "hello", "dockerfile-inline": "FROM golang:1.26 AS build\nCOPY . /src\nRUN cd /src && go build -o /server .\nFROM scratch\nCOPY --from=build /server /server\nENTRYPOINT [\"/server\"]\n", "tags": ["inline:v1"]},
	"elsewhere": {"context": "hello", "dockerfile": "../hello/Dockerfile", "tags": ["elsewhere"], "args": {"BUILDKIT_SYNTAX": "docker/dockerfile:1"}},
	"untagged": {"context": "hello"},
	"named": {"context": "hello", "output": ["type=image,push=true,name=reg.example/named:v1"]},
	"debugged": {"inherits": ["hello"], "args": {"DLVGEN_VARIANT": "remote"}},
	"debugged-by-line": {"inherits": ["hello"], "args": {"BUILDKIT_SYNTAX": "dlvgen/dlvgen:1 --variant=remote"}},
	"digest": {"context": "hello", "tags": ["app@sha256:0000000000000000000000000000000000000000000000000000000000000000"]},
	"lint": {"context": "hello", "call": "check"},
	"undone": {"context": "hello", "dockerfile": "Dockerfile.later"},
	"nowhere": {"context": "later"},
	"test": {"context": "hello", "output": ["type=cacheonly"]}
}}`

// gitServer serves the files of a folder as the branch main of project.git, and returns its
// URL.
func gitServer(t *testing.T, dir string) string {
	t.Helper()
	root := t.TempDir()
	repo := filepath.Join(root, "project.git")
	for _, args := range [][]string{
		{"init", "--quiet", "--bare", "--initial-branch=main", repo},
		{"--git-dir", repo, "--work-tree", dir, "add", "."},
		{"--git-dir", repo, "--work-tree", dir, "-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false", "commit", "--quiet", "--message=files"},
	} {
		if out, err := exec.CommandContext(proctest.Context(t), "git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v: %s", args, err, out)
		}
	}
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&cgi.Handler{Path: git, Args: []string{"http-backend"}, Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"}})
	t.Cleanup(server.Close)
	return server.URL
}

// TestTargetsOfEveryKind are written or skipped, and stdout lists them.
func TestTargetsOfEveryKind(t *testing.T) {
	reg := needBuildKit(t)
	inProject(t, reg)
	if err := os.WriteFile("others.json", []byte(others), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT", gitServer(t, ".")+"/project.git")
	args := []string{"docker-bake.hcl", "others.json", "remote", "site", "inline", "elsewhere", "untagged", "named", "debugged", "debugged-by-line", "digest", "lint", "test", "undone", "nowhere"}
	r := bakes(t, append([]string{"--variant", "remote,sidecar", "--format", "json"}, args...)...)
	var got struct {
		Images []struct {
			Production, Target string
			Tags               []string
		}
		Skipped []struct{ Target, Reason string }
	}
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || r.code != cli.ExitOK {
		t.Fatalf("exit code %d, %v\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	tags, reasons := map[string][]string{}, map[string]string{}
	for _, image := range got.Images {
		tags[image.Target] = image.Tags
	}
	for _, one := range got.Skipped {
		reasons[one.Target] = one.Reason
		if !strings.Contains(r.stderr, "dlvgen: skipped target "+one.Target+": ") {
			t.Errorf("stderr does not say that %s is skipped", one.Target)
		}
	}
	want := map[string][]string{
		"inline-debug-remote": {"inline:v1-debug"}, "inline-debug-sidecar": {"inline:v1-debug-sidecar"},
		"elsewhere-debug-remote": {"elsewhere:latest-debug"}, "elsewhere-debug-sidecar": {"elsewhere:latest-debug-sidecar"},
		"remote-debug-remote": {"remote:v1-debug"}, "remote-debug-sidecar": {"remote:v1-debug-sidecar"},
		"untagged-debug-remote": {}, "untagged-debug-sidecar": {},
		"named-debug-remote": {"reg.example/named:v1-debug"}, "named-debug-sidecar": {"reg.example/named:v1-debug-sidecar"},
	}
	if diff := cmp.Diff(want, tags, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	for target, part := range map[string]string{
		"site": "no step of the Dockerfile compiles Go", "debugged": "DLVGEN_VARIANT=remote", "debugged-by-line": "--variant=remote",
		"digest": "its tag is \"app@sha256:", "lint": "call = \"check\"", "test": "type=cacheonly",
		"undone": "no Dockerfile at hello/Dockerfile.later, so docker buildx bake cannot build it", "nowhere": `the context "later" is neither`,
	} {
		if !strings.Contains(reasons[target], part) {
			t.Errorf("%s is skipped since %q, want %q", target, reasons[target], part)
		}
		delete(reasons, target)
	}
	if len(reasons) > 0 {
		t.Errorf("skipped too: %q", reasons)
	}

	const many = "debug images: BuildKit starts a frontend for each at the same time"
	if strings.Contains(r.stderr, many) {
		t.Errorf("10 debug images are many:\n%s", r.stderr)
	}
	if r := bakes(t, args...); r.code != cli.ExitOK || !strings.Contains(r.stderr, "dlvgen: 20 "+many) || !strings.Contains(r.stderr, "such as the group elsewhere-debug\n") {
		t.Errorf("exit code %d, stderr does not say that 20 debug images are many:\n%s", r.code, r.stderr)
	}

	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"nothing to derive":    {[]string{"docker-bake.hcl", "site"}, cli.ExitFailure, "no target has a debug variant"},
		"a file of the user's": {[]string{"-o", "docker-bake.hcl"}, cli.ExitFailure, "docker-bake.hcl was not made by dlvgen bake"},
		"a name of a group":    {[]string{"--group", "a.b"}, cli.ExitUsage, "--group is \"a.b\""},
		"a variant":            {[]string{"--variant", "remot"}, cli.ExitUsage, "did you mean \"remote\"?"},
		"a broken target":      {[]string{"docker-bake.hcl", "_tagged"}, cli.ExitFailure, "skipped target _tagged: no Dockerfile at Dockerfile, so docker buildx bake cannot build it"},
	} {
		if r := bakes(t, c.args...); r.code != c.code || !strings.Contains(r.stderr, c.says) || r.stdout != "" {
			t.Errorf("%s: exit code %d, stdout %q, stderr lacks %q:\n%s", name, r.code, r.stdout, c.says, r.stderr)
		}
	}
}
