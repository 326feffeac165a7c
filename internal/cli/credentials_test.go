//go:build !race

// It builds with dlvgen as a program of its own, which would have the detector in it.

package cli_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// member is a user of a registry that wants to know who it is, with Docker's configuration.
type member struct {
	server *tokenServer
	env    []string
}

// helped is a user whose credentials come from a helper, which a script is.
func helped(t *testing.T, server *tokenServer, account, script string) *member {
	t.Helper()
	dir := t.TempDir()
	config := `{"credsStore": "test"}`
	if account == "me" {
		config = fmt.Sprintf(`{"credsStore": "other", "credHelpers": {%q: "test"}}`, server.host)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if script != "" {
		if err := os.WriteFile(filepath.Join(dir, "docker-credential-test"), []byte("#!/bin/sh\n"+script), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	return &member{server, append(os.Environ(), callEnv+"=1", "HOME="+dir, "DOCKER_CONFIG="+dir, "PATH="+dir+":"+os.Getenv("PATH"))}
}

// ofPodman is a user with an account in Podman's file, and nothing of Docker's.
func ofPodman(t *testing.T, server *tokenServer, account string) *member {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "auth.json")
	login := base64.StdEncoding.EncodeToString([]byte(account + ":" + server.accounts[account].password))
	if err := os.WriteFile(file, fmt.Appendf(nil, `{"auths": {%q: {"auth": %q}}}`, server.host, login), 0o600); err != nil {
		t.Fatal(err)
	}
	return &member{server, append(os.Environ(), callEnv+"=1", "HOME="+dir, "DOCKER_CONFIG="+dir, "REGISTRY_AUTH_FILE="+file)}
}

// credentials is a helper's script with the credentials of an account.
func credentials(server *tokenServer, name, password string) string {
	return fmt.Sprintf(`read -r host
test "$1 $host" = "get %s" || exit 1
echo '{"Username": "%s", "Secret": "%s"}'
`, server.host, name, password)
}

// run runs dlvgen as a program, which reads Docker's configuration anew. It fails the test
// where a secret is printed.
func (m *member) run(t *testing.T, args ...string) ran {
	t.Helper()
	if args[0] == "build" || args[0] == "derive" {
		args = append([]string{args[0], "--addr", testenv.SharedBuildKit(t).Addr, "--progress", "plain"}, args[1:]...)
	}
	cmd := exec.CommandContext(proctest.Context(t), os.Args[0], args...)
	var stdout, stderr bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = m.env, &stdout, &stderr
	_ = cmd.Run()
	r := ran{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	if leak := m.server.leaks(r.stdout + r.stderr); leak != "" {
		t.Errorf("%q prints %s:\n%s%s", args, leak, r.stdout, r.stderr)
	}
	return r
}

func (m *member) mustRun(t *testing.T, args ...string) string {
	t.Helper()
	r := m.run(t, args...)
	if r.code != cli.ExitOK {
		t.Fatalf("%q: exit code %d\n%s%s", args, r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// loggedIn is for what the test does itself.
func (s *tokenServer) loggedIn(name string) remote.Option {
	return remote.WithAuth(&authn.Basic{Username: name, Password: s.accounts[name].password})
}

// publishDebuggable pushes an image whose program need not be compiled again: that of a debug
// image that other tests build too.
func (s *tokenServer) publishDebuggable(t *testing.T, image string) {
	t.Helper()
	shared, ctx := testenv.SharedRegistry(t), proctest.Context(t)
	mustBuild(t, "-t", shared.Ref("cli/credentials:v1"), "--push", testenv.Service(t, "hello"))
	debug, err := shared.Image(ctx, "cli/credentials:v1-debug")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "server")
	if err := os.WriteFile(program, fileOf(t, debug, "server"), 0o600); err != nil {
		t.Fatal(err)
	}
	publish(t, shared, "cli/credentials:v3", program)
	production, err := shared.Image(ctx, "cli/credentials:v3")
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(s.host + "/" + image)
	if err == nil {
		err = remote.Write(ref, production, remote.WithContext(ctx), s.loggedIn("me"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCredentialsOfAHelperServeEveryCommand has a registry that takes tokens only, for what
// they were asked for, and a few times.
func TestCredentialsOfAHelperServeEveryCommand(t *testing.T) {
	needBuildKit(t)
	server := startTokenServer(t, map[string]account{
		"me": {"pass-of-me", []string{"pull", "push", "delete"}}, "keeper": {"pass-of-keeper", []string{"pull", "push"}}, "reader": {"pass-of-reader", []string{"pull"}},
	})
	users := map[string]*member{}
	for name, a := range server.accounts {
		users[name] = helped(t, server, name, credentials(server, name, a.password))
	}
	users["podman"] = ofPodman(t, server, "me")
	me, reg, app := users["me"], &testenv.Registry{Host: server.host}, server.host+"/team/app"
	pushIndex(t, reg, "team/app:v1", server.loggedIn("me"))
	pushIndex(t, reg, "team/app:v2", server.loggedIn("me"))
	server.publishDebuggable(t, "team/app:v3")
	hello := testenv.Service(t, "hello")
	steps := func(steps []step) {
		t.Helper()
		for _, step := range steps {
			server.sawExpired()
			r := users[step.user].run(t, step.args...)
			ended(t, r, step.says, step.args)
			if n := server.sawExpired(); step.says == "" && n == 0 {
				t.Errorf("%q: no token expired", step.args)
			}
		}
	}
	steps([]step{
		{"reader", "failed to push " + app + ": push access denied", []string{"build", "-t", app + ":v1", "--push", hello}},
		{"me", "", []string{"build", "-t", app + ":v1", "-t", server.host + "/team/other:v1", "--push", hello}},
		{"podman", "", []string{"build", "-t", app + ":v1", "--variant", "remote-src", "--push", hello}},
		{"reader", "", []string{"ls", app + ":v1"}},
		{"reader", "dlvgen: 1 of 9 checks failed", []string{"verify", app + ":v1-debug"}}, // production is any image here
		{"reader", "", []string{"inspect", app + ":v1-debug"}},
		{"reader", "refused access (401 Unauthorized, UNAUTHORIZED: authentication required): run \"docker login", []string{"attach", app + ":v1-debug", "--production", "v2"}},
		{"keeper", "", []string{"attach", app + ":v1-debug", "--production", "v2"}},
		{"me", "", []string{"derive", app + ":v3", "--push"}},
	})
	for _, tag := range []string{"v1", "v2"} {
		pushIndex(t, reg, "team/app:"+tag, server.loggedIn("me"))
	}
	steps([]step{
		{"keeper", "with an account that may delete from the repository", []string{"prune", app, "--yes"}},
		{"me", "", []string{"prune", app, "--yes"}},
	})
	if rows := me.mustRun(t, "ls", app+":v1"); strings.Contains(rows, "v1-debug") {
		t.Errorf("listed after it was deleted:\n%s", rows)
	}
	badHelpers(t, server)
}

// step is a call of a user's that ends with a line, "" for success.
type step struct {
	user, says string
	args       []string
}

// ended checks a call. What it failed with is the last line, which begins like all of
// dlvgen's.
func ended(t *testing.T, r ran, says string, args []string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(r.stderr), "\n")
	last := lines[len(lines)-1]
	if says == "" && r.code != cli.ExitOK || says != "" && (r.code != cli.ExitFailure || !strings.HasPrefix(last, "dlvgen: ") || !strings.Contains(last, says)) {
		t.Errorf("%q: exit code %d, want %q\n%s%s", args, r.code, says, r.stdout, r.stderr)
	}
}

// badHelpers has users who cannot log in.
func badHelpers(t *testing.T, server *tokenServer) {
	t.Helper()
	good := server.accounts["me"].password
	based := t.TempDir() // on an image that BuildKit pulls
	if err := os.WriteFile(filepath.Join(based, "Dockerfile"), []byte("FROM "+server.host+"/team/app:v3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]struct{ script, says string }{
		"wrong":   {credentials(server, "me", "pass"), "refused access (401 Unauthorized, UNAUTHORIZED: incorrect username or password): run \"docker login"},
		"missing": {"", "could not be logged in to: docker-credential-test is not on PATH: install it, or remove it from Docker's config.json"},
		"failing": {"echo " + good + "; exit 3", "could not be logged in to: the credential helper failed (exit status 3): see what `echo " + server.host + " | docker-credential-NAME get` says"},
		"garbage": {"echo " + good, "could not be logged in to: the credential helper's answer is not what Docker's helpers print"},
		"silent":  {":", "could not be logged in to: the credential helper's answer is not what"},
		"typed":   {`echo '{"Username": ["` + good + `"]}'`, "could not be logged in to: the credential helper's answer is not what"},
		"nobody":  {"echo credentials not found in native keychain; exit 1", "refused access (401 Unauthorized"},
	} {
		user := helped(t, server, name, bad.script)
		pulls := []string{"build", "--dry-run", based}
		if r := user.run(t, pulls...); r.code != cli.ExitFailure || strings.Contains(bad.says, "credential") && !strings.Contains(r.stderr, "no credentials for registry "+server.host+": ") {
			t.Errorf("%s, %q: exit code %d\n%s", name, pulls, r.code, r.stderr)
		}
		for _, args := range [][]string{{"ls", server.host + "/team/app:v1"}, {"build", "-t", server.host + "/team/app:v1", "--push", testenv.Service(t, "hello")}, {"derive", server.host + "/team/app:v3", "--dry-run"}} {
			r := user.run(t, args...)
			ended(t, r, bad.says, args)
			if lines := strings.Count(r.stderr, "\n"); args[0] != "derive" && lines != 1 {
				t.Errorf("%s, %q: %d lines\n%s", name, args, lines, r.stderr)
			}
		}
	}
}
