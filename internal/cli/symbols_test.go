//go:build !race

// What is debugged is another program, which is compiled without the detector.

package cli_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// productionOf builds a service as its Dockerfile says, with the paths of its sources in it,
// pushes it with its sidecar, and returns its program.
func productionOf(t *testing.T, reg *testenv.Registry, name string) string {
	t.Helper()
	dir := testenv.Service(t, "hello")
	dockerfile := filepath.Join(dir, "Dockerfile")
	text, err := os.ReadFile(dockerfile)
	if err == nil {
		err = os.WriteFile(dockerfile, bytes.Replace(text, []byte(" -trimpath"), nil, 1), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	pushWithSidecar(t, reg, name, dir)
	img, err := reg.Image(proctest.Context(t), name)
	if err != nil {
		t.Fatal(err)
	}
	files := mutate.Extract(img)
	defer files.Close()
	for r := tar.NewReader(files); ; {
		h, err := r.Next()
		if err != nil {
			t.Fatalf("the image has no /server: %v", err)
		}
		if h.Name != "server" {
			continue
		}
		program := filepath.Join(t.TempDir(), "server")
		data, err := io.ReadAll(r)
		if err = errors.Join(err, os.WriteFile(program, data, 0o755)); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
		return program
	}
}

// pushWithSidecar builds and pushes the production image of a context, and its sidecar.
func pushWithSidecar(t *testing.T, reg *testenv.Registry, name, dir string) {
	t.Helper()
	if _, err := testenv.SharedBuildKit(t).Solve(proctest.Context(t), testenv.Solve{Context: dir, Push: reg.Ref(name)}); err != nil {
		t.Fatal(err)
	}
	mustBuild(t, "-t", reg.Ref(name), "--variant", "sidecar", "--push", dir)
}

// debugged is what Delve prints that stops the program at main.main, with its settings as they
// are given. Its command line begins with prefix.
func debugged(t *testing.T, prefix []string, program, settings string, env ...string) string {
	t.Helper()
	dir := t.TempDir()
	err := os.Mkdir(filepath.Join(dir, "dlv"), 0o755)
	err = errors.Join(err, os.WriteFile(filepath.Join(dir, "dlv", "config.yml"), []byte(settings), 0o600))
	commands := filepath.Join(dir, "commands")
	err = errors.Join(err, os.WriteFile(commands, []byte("break main.main\ncontinue\nexit\n"), 0o600))
	delve, absErr := filepath.Abs(filepath.Join("..", "tools", "tree", "linux_amd64", "delve", "1.27.2", "dlv"))
	if err := errors.Join(err, absErr); err != nil {
		t.Fatal(err)
	}
	line := slices.Concat(prefix, []string{delve, "exec", "--init", commands, "--allow-non-terminal-interactive", program})
	cmd := exec.CommandContext(proctest.Context(t), line[0], line[1:]...)
	cmd.Env = append(append(os.Environ(), "XDG_CONFIG_HOME="+dir, "HOME="+dir), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return regexp.MustCompile(`\x1b\[\d*m`).ReplaceAllString(string(out), "")
}

// mainLine is how Delve shows the line at which main.main of the service begins.
var mainLine = regexp.MustCompile(`=>\s+27:\s+func main\(\) {`)

func TestDebuggersFindTheSymbolsOfProductionByItsBuildID(t *testing.T) {
	proctest.RequirePrograms(t, "debuginfod", "debuginfod-find", "busybox")
	reg := needBuildKit(t)
	const name = "cli/symbols:v1"
	program := productionOf(t, reg, name)
	if out := debugged(t, nil, program, ""); mainLine.MatchString(out) {
		t.Fatalf("without symbols Delve shows the sources:\n%s", out)
	}

	if r := mustCall(t, "symbols", reg.Ref(name)); !regexp.MustCompile(`(?m)^linux/amd64 +[0-9a-f]{40} .* /server .*-debug-sidecar$`).MatchString(r.stdout) {
		t.Errorf("listed by the plan:\n%s", r.stdout)
	}
	dir := filepath.Join(t.TempDir(), "store")
	settings := mustCall(t, "symbols", reg.Ref(name), "-o", dir, "--for", "dlv").stdout
	out := debugged(t, nil, program, settings)
	if !mainLine.MatchString(out) || !strings.Contains(out, "main.main() ") || strings.Contains(out, "stale") {
		t.Errorf("with %s Delve printed\n%s", settings, out)
	}

	// What production has attached is the same, also when its sidecar is gone.
	pushed := mustCall(t, "symbols", reg.Ref(name), "--push")
	again := mustCall(t, "symbols", reg.Ref(name), "--push")
	if pushed.stdout != again.stdout || !strings.HasPrefix(pushed.stdout, reg.Ref("cli/symbols@sha256:")) || !strings.Contains(again.stderr, "nothing to push") {
		t.Errorf("pushed %q, then %q\n%s", pushed.stdout, again.stdout, again.stderr)
	}
	var listed []struct{ From, GNUBuildID, GoBuildID, Platform, Debug, Archive string }
	r := mustCall(t, "symbols", reg.Ref(name), "-o", dir, "--archive", "--format", "json")
	if err := json.Unmarshal([]byte(r.stdout), &listed); err != nil || len(listed) != 1 {
		t.Fatalf("%v in\n%s", err, r.stdout)
	}
	production := reg.Ref("cli/symbols@") + digestOf(t, reg, name)
	if one := listed[0]; one.From != production || one.Platform != "linux/amd64" || one.GoBuildID == "" {
		t.Errorf("exported %+v, want from %s", one, production)
	}
	mustCall(t, "symbols", production, "-o", dir)
	if r := mustCall(t, "ls", reg.Ref(name)); strings.Count(r.stdout, "\n") != 3 {
		t.Errorf("listed:\n%s", r.stdout)
	}
	if r := mustCall(t, "prune", reg.Ref("cli/symbols")); r.stdout != "" {
		t.Errorf("pruned:\n%s", r.stdout)
	}

	id := listed[0].GNUBuildID
	server := startDebuginfod(t, dir)
	found := server.find(t, "debuginfo", id)
	want, err := os.ReadFile(filepath.Join(dir, ".build-id", id[:2], id[2:]+".debug"))
	if err != nil || !bytes.Equal(found, want) {
		t.Errorf("%v: debuginfod serves %d bytes, want %d", err, len(found), len(want))
	}
	if source := server.find(t, "source", id, "/src/main.go"); !bytes.Contains(source, []byte("package main")) {
		t.Errorf("debuginfod serves as /src/main.go\n%s", source)
	}
	out = debugged(t, server.inside(), program, "", "DEBUGINFOD_URLS=http://127.0.0.1:8002", "DEBUGINFOD_CACHE_PATH="+t.TempDir())
	if !mainLine.MatchString(out) {
		t.Errorf("with debuginfod Delve printed\n%s", out)
	}
}

// debuginfod is the server of elfutils in a network of its own, since it listens on every
// address.
type debuginfod struct{ pid int }

// startDebuginfod serves a folder, with the archives in it.
func startDebuginfod(t *testing.T, dir string) debuginfod {
	t.Helper()
	cmd := exec.CommandContext(proctest.Context(t), "unshare", "--net", "sh", "-c", //nolint:gosec // the arguments are the test's
		`busybox ip link set lo up && exec debuginfod -p 8002 -d :memory: -F -Z .tar.gz "$1"`, "sh", dir)
	var log proctest.Output
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("debuginfod:\n%s", log.String())
		}
	})
	return debuginfod{cmd.Process.Pid}
}

// inside begins the command line of a program in its network.
func (d debuginfod) inside() []string {
	return []string{"nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", d.pid), "--"}
}

// find is what debuginfod-find gets. It asks until the server has read its folders.
func (d debuginfod) find(t *testing.T, args ...string) []byte {
	t.Helper()
	line := append(append(d.inside(), "debuginfod-find"), args...)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for ctx := proctest.Context(t); ; {
		out, err := d.ask(ctx, t.TempDir(), line) // it keeps that there is nothing, too
		if err == nil {
			return out
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%q: %v", args, err)
		case <-tick.C:
		}
	}
}

func (d debuginfod) ask(ctx context.Context, cache string, line []string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = append(os.Environ(), "DEBUGINFOD_URLS=http://127.0.0.1:8002", "DEBUGINFOD_CACHE_PATH="+cache)
	path, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	return os.ReadFile(strings.TrimSpace(string(path)))
}
