package bench

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

const bakeFile = `variable "REGISTRY" {}
group "default" {
  targets = ["hello", "script", "worker"]
}
target "hello" {
  context = "hello"
  tags    = ["${REGISTRY}/bench/hello:v1"]
}
target "script" {
  context = "script"
  tags    = ["${REGISTRY}/bench/script:v1"]
}
target "worker" {
  context = "worker"
  tags    = ["${REGISTRY}/bench/worker:v1"]
}
`

const worker = `package main

import (
	"fmt"
	"time"
)

func main() {
	for n := 0; ; n++ {
		fmt.Println("job", n)
		time.Sleep(time.Second)
	}
}
`

const workerDockerfile = `FROM golang:1.26 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /worker .
FROM scratch
COPY --from=build /worker /worker
ENTRYPOINT ["/worker"]
`

// BenchmarkBake compares a bake of production and all variants of three services, two of
// them HTTP servers, with one of production alone. Each runs on builders of its own, cold:
// they have the base images and nothing else. "times" is the one over the other by the
// clock, "times-cpu" by the builder's processor time, which other load changes less.
func BenchmarkBake(b *testing.B) {
	testenv.Require(b, testenv.NeedBuildKit)
	buildx, err := testenv.Program(b.Context(), "docker-buildx")
	if err != nil {
		b.Fatal(err)
	}
	dir := services(b)
	var production, all baked
	for b.Loop() {
		production.cold(b, buildx, dir, "default")
		all.cold(b, buildx, dir, "debug")
	}
	for _, of := range []struct {
		name    string
		samples baked
	}{{"production", production}, {"all", all}} {
		b.ReportMetric(median(of.samples.clock).Seconds(), "s/"+of.name)
		b.ReportMetric(median(of.samples.processor).Seconds(), "cpu-s/"+of.name)
	}
	b.ReportMetric(times(all.clock, production.clock), "times")
	b.ReportMetric(times(all.processor, production.processor), "times-cpu")
}

// baked is what bakes of a group took.
type baked struct{ clock, processor []time.Duration }

// services is a folder with the bake file and the three services.
func services(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	for _, name := range []string{"hello", "script"} {
		if err := os.Rename(testenv.Service(b, name), filepath.Join(dir, name)); err != nil {
			b.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"docker-bake.hcl": bakeFile, "worker/main.go": worker, "worker/go.mod": "module example.com/worker\n\ngo 1.26\n", "worker/Dockerfile": workerDockerfile,
	} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

// cold builds a group on a new builder, and pushes. The file of the variants is there
// before.
func (t *baked) cold(b *testing.B, buildx, dir, group string) {
	b.Helper()
	on, end := newParts(b)
	defer end()
	syntax, err := on.registry.PushFrontendImage(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	env := append(os.Environ(), "PATH="+filepath.Dir(buildx)+":"+os.Getenv("PATH"), "BUILDX_CONFIG="+b.TempDir(), "REGISTRY="+on.registry.Host, "DLVGEN_SYNTAX="+syntax)
	run := func(program string, args ...string) {
		b.Helper()
		cmd := exec.CommandContext(b.Context(), program, args...)
		cmd.Dir, cmd.Env = dir, env
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatal(fmt.Errorf("%s %q: %w: %s", program, args, err, out))
		}
	}
	taken := func() time.Duration {
		b.Helper()
		d, err := on.buildkit.ProcessorTime()
		if err != nil {
			b.Fatal(err)
		}
		return d
	}
	run(on.dlvgen, "bake", "--addr", on.buildkit.Addr, "-o", "docker-bake.debug.hcl")
	run(buildx, "create", "--driver", "remote", "--name", "bake", on.buildkit.Addr)
	start, before := time.Now(), taken()
	run(buildx, "bake", "--builder", "bake", "-f", "docker-bake.hcl", "-f", "docker-bake.debug.hcl", "--push", group)
	t.clock, t.processor = append(t.clock, time.Since(start)), append(t.processor, taken()-before)
}
