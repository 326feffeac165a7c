//go:build !race

// The docker command starts the test program again and again, which takes long with the detector.

package cli_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
)

// dockerConfig is a folder with the docker command's settings: the context far, and dlvgen
// as a plugin.
func dockerConfig(t *testing.T, far string) string {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The docker command names a context's folder by the digest of its name.
	meta := filepath.Join(dir, "contexts", "meta", fmt.Sprintf("%x", sha256.Sum256([]byte("far"))))
	text := fmt.Sprintf(`{"Name":"far","Metadata":{},"Endpoints":{"docker":{"Host":%q}}}`, far)
	err = errors.Join(os.MkdirAll(meta, 0o755), os.MkdirAll(filepath.Join(dir, "cli-plugins"), 0o755))
	if err = errors.Join(err, os.WriteFile(filepath.Join(meta, "meta.json"), []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "cli-plugins", "docker-dlvgen")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// dockerCommand is a docker command on PATH.
type dockerCommand struct {
	path, config string
}

// dockerCommands are all that are on PATH: a machine may have several releases.
func dockerCommands(t *testing.T, config string) []dockerCommand {
	t.Helper()
	proctest.RequirePrograms(t, "docker")
	var list []dockerCommand
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path, err := filepath.EvalSymlinks(filepath.Join(dir, "docker")) // /bin is often /usr/bin
		if err == nil && !slices.Contains(list, dockerCommand{path, config}) {
			list = append(list, dockerCommand{path, config})
		}
	}
	return list
}

// run calls docker, with the plugin, in an empty environment.
func (d dockerCommand) run(t *testing.T, args ...string) ran {
	t.Helper()
	cmd := exec.CommandContext(proctest.Context(t), d.path, args...)
	cmd.Env = []string{callEnv + "=1", "HOME=" + t.TempDir(), "DOCKER_CONFIG=" + d.config}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	return ran{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func TestDockerCallsDlvgenAsItsPlugin(t *testing.T) {
	for _, docker := range dockerCommands(t, dockerConfig(t, "tcp://127.0.0.1:1")) {
		t.Run(docker.path, func(t *testing.T) {
			help := docker.run(t, "dlvgen", "build", "--help")
			if help.code != cli.ExitOK || !strings.Contains(help.stdout, "\n  docker dlvgen build [CONTEXT] [flags]\n") || strings.Contains(help.stdout, "  dlvgen build") {
				t.Errorf("exit code %d\n%s%s", help.code, help.stdout, help.stderr)
			}
			for _, args := range [][]string{{"help", "dlvgen", "build"}, {"dlvgen", "help", "build"}} {
				if got := docker.run(t, args...); got.stdout != help.stdout {
					t.Errorf("docker %q: exit code %d\n%s%s", args, got.code, got.stdout, got.stderr)
				}
			}
			if got := docker.run(t, "--help"); !strings.Contains(got.stdout, "\n  dlvgen*     Derive debug variants") {
				t.Errorf("the list of docker's commands is\n%s%s", got.stdout, got.stderr)
			}
			refused(t, docker.run(t, "dlvgen", "biuld"), cli.ExitUsage, `dlvgen: unknown command "biuld"`, "Run `docker dlvgen --help` for usage.")
			refused(t, docker.run(t, "dlvgen", "build", "-t", "app", "--builder", "none", t.TempDir()), cli.ExitFailure, "`docker dlvgen builders` lists")
		})
	}
}

// TestTheFlagsOfDockerCountForThePlugin has them in front of the plugin's name.
func TestTheFlagsOfDockerCountForThePlugin(t *testing.T) {
	config := dockerConfig(t, "tcp://127.0.0.1:1")
	far := dockerConfig(t, "tcp://127.0.0.1:2")
	if err := os.WriteFile(filepath.Join(far, "config.json"), []byte(`{"currentContext":"far"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, docker := range dockerCommands(t, config) {
		for _, test := range []struct {
			flags          []string
			name, endpoint string
		}{
			{[]string{"--context", "far"}, "far", "tcp://127.0.0.1:1"},
			{[]string{"-c=far", "--log-level", "error"}, "far", "tcp://127.0.0.1:1"},
			{[]string{"-H", "tcp://127.0.0.1:3"}, "default", "tcp://127.0.0.1:3"},
			{[]string{"-D", "--host=127.0.0.1:4"}, "default", "tcp://127.0.0.1:4"},
			{[]string{"--config", far}, "far", "tcp://127.0.0.1:2"},
		} {
			got := docker.run(t, append(test.flags, "dlvgen", "builders", "--format", "json")...)
			var list []struct{ Name, Driver, Endpoint string }
			if err := json.Unmarshal([]byte(got.stdout), &list); err != nil {
				t.Fatalf("%s %q: %v in\n%s%s", docker.path, test.flags, err, got.stdout, got.stderr)
			}
			if first := list[0]; first.Name != test.name || first.Driver != "docker" || first.Endpoint != test.endpoint {
				t.Errorf("%s %q: the first builder is %+v", docker.path, test.flags, first)
			}
		}
		refused(t, docker.run(t, "--tls", "--tlscacert", "/none/ca.pem", "-H=tcp://127.0.0.1:5", "dlvgen", "builders"), cli.ExitFailure, "/none/ca.pem")
	}
}
