package bench

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
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

// setBake is a folder with a bake file and three services, two of them HTTP servers.
func setBake(_ context.Context, l *lab) (*bed, error) {
	dir := l.folder()
	for _, name := range []string{"hello", "script"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(l.root, "testdata", "services", name))); err != nil {
			return nil, err
		}
	}
	for name, text := range map[string]string{
		"docker-bake.hcl": bakeFile, "worker/main.go": worker, "worker/go.mod": "module example.com/worker\n\ngo 1.26\n", "worker/Dockerfile": workerDockerfile,
	} {
		if err := writeSource(filepath.Join(dir, name), text); err != nil {
			return nil, err
		}
	}
	return &bed{lab: l, services: dir}, nil
}

// baked builds a group of the bake file on a new builder, and pushes. The file of the
// variants is written before.
func baked(group string) func(context.Context, *bed) (sample, error) {
	return func(ctx context.Context, b *bed) (s sample, err error) {
		buildx, err := testenv.Program(ctx, "docker-buildx")
		if err != nil {
			return s, err
		}
		on, end, err := b.lab.newParts(ctx)
		defer func() { err = errors.Join(err, end()) }()
		if err != nil {
			return s, err
		}
		syntax, err := on.registry.PushFrontendImage(ctx)
		if err != nil {
			return s, err
		}
		env := append(os.Environ(), "PATH="+filepath.Dir(buildx)+":"+os.Getenv("PATH"), "BUILDX_CONFIG="+filepath.Join(b.services, "buildx"),
			"REGISTRY="+on.registry.Host, "DLVGEN_SYNTAX="+syntax)
		run := func(program string, args ...string) error {
			cmd := exec.CommandContext(ctx, program, args...)
			cmd.Dir, cmd.Env = b.services, env
			return runQuietly(cmd)
		}
		if err := run(on.dlvgen, "bake", "--addr", on.buildkit.Addr, "-o", "docker-bake.debug.hcl"); err != nil {
			return s, err
		}
		defer func() { err = errors.Join(err, run(buildx, "rm", "bench")) }()
		if err := run(buildx, "create", "--driver", "remote", "--name", "bench", on.buildkit.Addr); err != nil {
			return s, err
		}
		before, err := on.buildkit.ProcessorTime()
		if err != nil {
			return s, err
		}
		start := time.Now()
		if err := run(buildx, "bake", "--builder", "bench", "-f", "docker-bake.hcl", "-f", "docker-bake.debug.hcl", "--push", group); err != nil {
			return s, err
		}
		s.took = time.Since(start)
		after, err := on.buildkit.ProcessorTime()
		s.processor = after - before
		return s, err
	}
}
