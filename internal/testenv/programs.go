package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// lockPoll is how often a lock that another process holds is tried again.
const lockPoll = 100 * time.Millisecond

const modulePath = "github.com/dlvgen/dlvgen"

// toolPackages maps the programs of bin/ that come from go.mod's tool lines, and the
// registry that is made of one of its modules, to their packages.
var toolPackages = map[string]string{
	"buildkitd":     "github.com/moby/buildkit/cmd/buildkitd",
	"buildctl":      "github.com/moby/buildkit/cmd/buildctl",
	"docker-buildx": "github.com/docker/buildx/cmd/buildx",
	"dlv":           "github.com/go-delve/delve/cmd/dlv",
	"distribution":  modulePath + "/internal/cmd/distribution",
}

// toolFlags are of those programs whose build has some of its own. Half of what the
// registry takes to compile is Redis' client, which no test uses.
var toolFlags = map[string][]string{
	"distribution": {"-tags=distribution", "-gcflags=github.com/redis/...=-l -dwarf=false"},
}

// goBuild are the flags of a program that nobody debugs, as in the Makefile, so that what it
// compiled is in the cache.
var goBuild = []string{"build", "-trimpath", "-gcflags=all=-dwarf=false", "-gcflags=std=", "-ldflags=-s -w"}

// RepoRoot is the folder of the module's go.mod, looked for from the working
// folder upwards.
func RepoRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	for d := dir; ; d = filepath.Dir(d) {
		mod, err := os.ReadFile(filepath.Join(d, "go.mod"))
		if err == nil && strings.HasPrefix(string(mod), "module "+modulePath+"\n") {
			return d, nil
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("finding the repository: no go.mod of %s in %s or above it", modulePath, dir)
		}
	}
}

// Program is the path of a program in the repository's bin folder: buildkitd,
// buildctl, docker-buildx, dlv or distribution. It is built first where it is missing, which
// takes minutes with a cold cache.
func Program(ctx context.Context, name string) (string, error) {
	root, err := RepoRoot()
	if err != nil {
		return "", err
	}
	pkg, ok := toolPackages[name]
	if !ok {
		return "", fmt.Errorf("finding %s: it is no program of tests", name)
	}
	path := filepath.Join(root, "bin", name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("building %s: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	lock := flock.New(filepath.Join(root, "bin", "."+name+".lock"))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return "", fmt.Errorf("building %s: %w", name, err)
	}
	defer func() { _ = lock.Unlock() }()
	if _, err := os.Stat(path); err == nil {
		return path, nil // another test binary has built it meanwhile
	}
	args := slices.Concat(goBuild, toolFlags[name], []string{"-o", path, pkg})
	if err := run(ctx, root, []string{"CGO_ENABLED=0"}, "go", args...); err != nil {
		return "", fmt.Errorf("building %s: %w", name, err)
	}
	return path, nil
}

// run runs a command in a folder with additions to the environment. The error
// holds what the command printed.
func run(ctx context.Context, dir string, env []string, name string, args ...string) error {
	_, err := output(ctx, dir, env, name, args...)
	return err
}

// output is run, and returns what the command printed to its standard output.
func output(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stderr tail
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(out), fmt.Errorf("%s %s: %w: %s%s", name, strings.Join(args, " "), err, out, stderr.String())
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return string(out), nil
}
