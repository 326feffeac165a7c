package bench

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// koVersion is compared with.
const koVersion = "v0.19.1"

// ko builds images of Go programs without a Dockerfile.
type ko struct {
	program string
	env     []string
}

// newKo builds ko. It pushes to the registry at host and takes its base image there.
//
// With --debug ko clones the default branch of Delve's repository in each build. Here
// it gets the version of go.mod, from this machine, which costs it less time.
func newKo(b *testing.B, host string) *ko {
	b.Helper()
	dir := b.TempDir()
	cmd := exec.CommandContext(b.Context(), "go", "install", "github.com/google/ko@"+koVersion)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+dir)
	if err := runQuietly(cmd); err != nil {
		b.Fatal(err)
	}
	delve := filepath.Join(dir, "delve")
	copyModule(b, delve, "github.com/go-delve/delve")
	for _, args := range [][]string{
		{"init", "--quiet"},
		{"add", "--all", "--force"},
		{"-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "--message", "Delve"},
	} {
		if err := runQuietly(exec.CommandContext(b.Context(), "git", append([]string{"-C", delve}, args...)...)); err != nil {
			b.Fatal(err)
		}
	}
	return &ko{program: filepath.Join(dir, "ko"), env: append(os.Environ(),
		"KO_DOCKER_REPO="+host+"/ko",
		"KO_DEFAULTBASEIMAGE="+host+"/library/alpine:3",
		"GIT_CONFIG_COUNT=1",
		"GIT_CONFIG_KEY_0=url.file://"+delve+".insteadOf",
		"GIT_CONFIG_VALUE_0=https://github.com/go-delve/delve.git",
	)}
}

// build pushes a debug image.
func (k *ko) build(ctx context.Context, p *program, flags ...string) error {
	args := append([]string{"build", "--debug", "--insecure-registry"}, flags...)
	cmd := exec.CommandContext(ctx, k.program, append(args, ".")...)
	cmd.Dir, cmd.Env = p.dir, k.env
	return runQuietly(cmd)
}
