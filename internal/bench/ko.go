package bench

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// koVersion is compared with.
const koVersion = "v0.19.1"

// koPort is where the Delve of ko's images listens.
const koPort = 40000

// ko builds images of Go programs without a Dockerfile.
type ko struct {
	program string
	env     []string
}

// newKo builds ko in a new folder. It pushes to the registry at host and takes its base
// image there.
//
// With --debug ko clones the default branch of Delve's repository in each build. Here
// it gets the version of go.mod, from this machine, which costs it less time.
func newKo(ctx context.Context, dir, host string) (*ko, error) {
	cmd := exec.CommandContext(ctx, "go", "install", "github.com/google/ko@"+koVersion)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+dir)
	if err := runQuietly(cmd); err != nil {
		return nil, err
	}
	delve := filepath.Join(dir, "delve")
	if err := copyModule(ctx, delve, "github.com/go-delve/delve"); err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"init", "--quiet"},
		{"add", "--all", "--force"},
		{"-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "--message", "Delve"},
	} {
		if err := runQuietly(exec.CommandContext(ctx, "git", append([]string{"-C", delve}, args...)...)); err != nil {
			return nil, err
		}
	}
	return &ko{program: filepath.Join(dir, "ko"), env: append(os.Environ(),
		"KO_DOCKER_REPO="+host+"/ko",
		"KO_DEFAULTBASEIMAGE="+host+"/library/alpine:3",
		"GIT_CONFIG_COUNT=1",
		"GIT_CONFIG_KEY_0=url.file://"+delve+".insteadOf",
		"GIT_CONFIG_VALUE_0=https://github.com/go-delve/delve.git",
	)}, nil
}

// build pushes a debug image and returns its reference.
func (k *ko) build(ctx context.Context, p *program, flags ...string) (string, error) {
	args := append([]string{"build", "--debug", "--insecure-registry"}, flags...)
	cmd := exec.CommandContext(ctx, k.program, append(args, ".")...)
	cmd.Dir, cmd.Env = p.dir, k.env
	var printed bytes.Buffer
	cmd.Stderr = &printed
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), failed(cmd, err, printed.Bytes())
}
