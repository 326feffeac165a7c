//go:build linux && !race

package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// TestABakeFileOfVariantsCompilesOnceAWay writes the file of a project, twice, and builds
// production and all variants with buildx.
func TestABakeFileOfVariantsCompilesOnceAWay(t *testing.T) {
	reg := needBuildKit(t)
	bk, syntax := testenv.SharedBuildKit(t), testenv.FrontendImage(t)
	buildx, err := testenv.Program(t.Context(), "docker-buildx")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(newProject(t))
	t.Setenv("PATH", filepath.Dir(buildx)+":"+os.Getenv("PATH"))
	t.Setenv("BUILDX_CONFIG", t.TempDir())
	t.Setenv("REGISTRY", reg.Host)
	t.Setenv("DLVGEN_SYNTAX", syntax)

	const file = "docker-bake.debug.hcl"
	write := func(args ...string) (text, stderr string) {
		t.Helper()
		var stdout, errs bytes.Buffer
		code := cli.Run(proctest.Context(t), append([]string{"bake", "--addr", bk.Addr, "-o", file}, args...), strings.NewReader(""), &stdout, &errs)
		if code != cli.ExitOK || stdout.Len() > 0 {
			t.Fatalf("exit code %d, stdout %q\n%s", code, stdout.String(), errs.String())
		}
		written, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(written), errs.String()
	}
	text, stderr := write()
	for _, says := range []string{"skipped target site: ", "no step of the Dockerfile compiles Go", "target worker: not checked, since its context base is the result of another target"} {
		if !strings.Contains(stderr, says) {
			t.Errorf("stderr lacks %q:\n%s", says, stderr)
		}
	}
	if again, _ := write(); again != text {
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
	run("create", "--driver", "remote", "--name", "bake", bk.Addr)
	progress := run("bake", "--builder", "bake", "--progress", "rawjson", "-f", "docker-bake.hcl", "-f", file, "--push", "debug")
	want := map[string]int{"hello": 3, "script": 3, "worker": 3} // as production, for debugging, for the sidecar
	if diff := cmp.Diff(want, compiles(t, bytes.NewReader(progress))); diff != "" {
		t.Errorf("compiles (-want +got):\n%s", diff)
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
