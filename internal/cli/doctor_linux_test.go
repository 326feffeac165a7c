//go:build !race

// The service is built several times, which takes long with the detector.

package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

// examined is what `dlvgen doctor --format json` prints.
type examined struct {
	ran
	Target string
	Checks []struct {
		Check, Status, Found, Remedy string
		Details                      []string
	}
}

// examine runs `dlvgen doctor` in the working folder.
func examine(t *testing.T, args ...string) *examined {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(proctest.Context(t), append([]string{"doctor", "--format", "json"}, args...), strings.NewReader(""), &stdout, &stderr)
	e := &examined{ran: ran{code, stdout.String(), stderr.String()}}
	if err := json.Unmarshal(stdout.Bytes(), e); err != nil {
		t.Fatalf("dlvgen doctor %q: %v\n%s\n%s", args, err, e.stdout, e.stderr)
	}
	return e
}

// found tells whether a check of a name has a status.
func (e *examined) found(name, status string) bool {
	for _, c := range e.Checks {
		if c.Check == name && c.Status == status {
			return true
		}
	}
	return false
}

// has wants checks of a name to have a status, and texts in all that they say.
func (e *examined) has(t *testing.T, name, status string, texts ...string) {
	t.Helper()
	for _, c := range e.Checks {
		whole := strings.Join(append([]string{c.Status, c.Found, c.Remedy}, c.Details...), "\n")
		if c.Check != name || c.Status != status {
			continue
		}
		for _, text := range texts {
			if !strings.Contains(whole, text) {
				t.Errorf("%s of %s: no %q in\n%s", name, e.Target, text, whole)
			}
		}
		return
	}
	t.Errorf("no %s of %s is %s in\n%s", name, e.Target, status, e.stdout)
}

// doctorBench is a service in a git repository, which is the working folder, with its production
// image and debug images.
type doctorBench struct {
	*debugBench
	first string // the commit that was compiled
}

func newDoctorBench(t *testing.T) *doctorBench {
	t.Helper()
	b := &doctorBench{debugBench: &debugBench{reg: needBuildKit(t)}}
	testenv.Require(t, testenv.NeedDocker)
	proctest.RequirePrograms(t, "git")
	b.engine, b.folder = testenv.SharedDocker(t), testenv.PlainService(t)
	dlv, err := testenv.Program(t.Context(), "dlv")
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{
		"DOCKER_HOST": b.engine.Host, "BUILDKIT_HOST": testenv.SharedBuildKit(t).Addr, "PATH": filepath.Dir(dlv) + ":" + os.Getenv("PATH"),
		"XDG_CACHE_HOME": t.TempDir(), "GIT_CONFIG_GLOBAL": filepath.Join(t.TempDir(), "none"), "GIT_CONFIG_NOSYSTEM": "1",
	} {
		t.Setenv(key, value)
	}
	t.Chdir(b.folder)
	if err := os.Remove(".dockerignore"); err != nil { // a commit of which files are left out counts as changed
		t.Fatal(err)
	}
	b.git(t, "init", "--quiet")
	b.commit(t)
	b.first = b.git(t, "rev-parse", "HEAD")
	b.solve(t, "doctor")
	mustBuild(t, "-t", b.ref("doctor"), "--variant", "remote,remote-src,sidecar", "--push", b.folder)
	if err := os.WriteFile(".dockerignore", []byte(".git\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustBuild(t, "-t", b.ref("unstamped"), "--push", b.folder)
	if err := os.Remove(".dockerignore"); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *doctorBench) git(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", b.folder, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (b *doctorBench) commit(t *testing.T) {
	t.Helper()
	b.git(t, "add", "--all")
	b.git(t, "commit", "--quiet", "--message", "a change")
}

// another has the working folder at another commit until the end of the test.
func (b *doctorBench) another(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("main.go", []byte(strings.Replace(string(text), "func handler(", "// It greets.\nfunc handler(", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	b.commit(t)
	t.Cleanup(func() { b.git(t, "checkout", "--quiet", b.first) })
}

func TestDoctor(t *testing.T) {
	b := newDoctorBench(t)
	t.Run("of the machine", b.machine)
	t.Run("of a production container", b.production)
	t.Run("of debug images", b.images)
	t.Run("of another commit", b.anotherCommit)
	t.Run("of a container without the port", b.withoutPort)
	t.Run("of another platform", b.otherPlatform)
	t.Run("of what is not there", b.nothing)
}

func (b *doctorBench) machine(t *testing.T) {
	e := examine(t, "-t", b.ref("doctor"), "--tag", b.ref("never"))
	var names []string
	for _, c := range e.Checks {
		names = append(names, c.Check)
	}
	if diff := cmp.Diff([]string{"builder", "emulation", "docker", "profiles", "ptrace_scope", "machine", "buildx", "registry", "registry", "dlv", "go", "port"}, names); diff != "" {
		t.Errorf("the checks (-want +got):\n%s", diff)
	}
	e.has(t, "builder", "ok", "BuildKit at "+testenv.SharedBuildKit(t).Addr)
	e.has(t, "docker", "ok", "Docker Engine ", "at "+b.engine.Host)
	e.has(t, "registry", "ok", "registry "+b.reg.Host+" lets "+b.ref("doctor")+" be read without an account: the tag is there")
	if !strings.Contains(e.stdout, b.ref("never")+" be read without an account: the tag is not there yet") {
		t.Errorf("no tag that is not there in\n%s", e.stdout)
	}
	e.has(t, "dlv", "ok")
	e.has(t, "go", "ok", "go.mod here asks for go1.")
	engine := examine(t, "--builder", "default")
	engine.has(t, "builder", "ok", "Docker Engine's builder")
	var out bytes.Buffer
	if cli.Run(proctest.Context(t), []string{"doctor"}, strings.NewReader(""), &out, &out); !strings.Contains(out.String(), "\nok       docker        Docker Engine ") {
		t.Errorf("the table:\n%s", out.String())
	}
}

// production has the sidecar's sources compared.
func (b *doctorBench) production(t *testing.T) {
	b.leavesNothing(t)
	b.run(t, "--name", "doctor-app", b.ref("doctor"))
	e := examine(t, "doctor-app")
	if e.code != cli.ExitOK {
		t.Errorf("exit code %d: %s\n%s", e.code, e.stderr, e.stdout)
	}
	e.has(t, "target", "ok", "doctor-app is a container of the production image "+b.ref("doctor"))
	e.has(t, "platform", "ok", "doctor-app is for linux/")
	e.has(t, "container", "ok", "runs as the user 65532, without the capability SYS_PTRACE")
	e.has(t, "program", "ok", "/server is example.com/hello", "optimized and without debug information")
	e.has(t, "delve", "ok", "its debug images have Delve ")
	e.has(t, "debug images", "ok", "sidecar: ", "remote: ", "the registry links it with")
	e.has(t, "symbols", "ok", "are of the program of doctor-app")
	e.has(t, "address", "skipped")
	e.has(t, "sources", "ok", "source files of ", "are those of "+b.folder)
}

// images are read from the registry.
func (b *doctorBench) images(t *testing.T) {
	b.leavesNothing(t)
	for tag, says := range map[string]string{
		"doctor-debug-src": "source files of ", "doctor-debug": "has the sources of commit " + b.first[:12], "unstamped-debug": "the program names no commit",
	} {
		e := examine(t, b.ref(tag))
		e.has(t, "sources", "ok", says)
		e.has(t, "program", "ok", "and not optimized")
		e.has(t, "symbols", "ok", "has its own debug information")
		if e.code != cli.ExitOK {
			t.Errorf("%s: exit code %d: %s\n%s", tag, e.code, e.stderr, e.stdout)
		}
	}
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(t.TempDir(), "none.sock"))
	e := examine(t, b.ref("doctor-debug-src"))
	e.has(t, "docker", "failed", "no Docker Engine answers")
	e.has(t, "sources", "ok", "source files of ")
	for _, target := range []string{"doctor-app", "compose:web"} {
		examine(t, target).has(t, "target", "failed", "no Docker Engine answers")
	}
}

func (b *doctorBench) anotherCommit(t *testing.T) {
	b.run(t, "--name", "doctor-old", b.ref("doctor"))
	b.another(t)
	for target, says := range map[string]string{
		"doctor-old": "main.go: its content is another", b.ref("doctor-debug-src"): "main.go: its content is another",
		b.ref("doctor-debug"): "main.go: it is not that of commit " + b.first[:12], b.ref("unstamped-debug"): "main.go: handler was compiled from line ",
	} {
		e := examine(t, target)
		e.has(t, "sources", "failed", says, b.folder)
		if e.code != cli.ExitFailure || !strings.Contains(e.stderr, " checks failed") {
			t.Errorf("%s: exit code %d: %s", target, e.code, e.stderr)
		}
		if target != b.ref("unstamped-debug") {
			e.has(t, "sources", "failed", "git checkout "+b.first)
		}
	}
}

func (b *doctorBench) withoutPort(t *testing.T) {
	b.engine.Run(t, "--name", "doctor-alone", "--network", "none", "--env", "DLVGEN_START=continue", b.ref("doctor-debug"))
	e := examine(t, "doctor-alone")
	e.has(t, "address", "failed", "doctor-alone does not publish port 8000", "-p 127.0.0.1:8000:8000")
	c := b.engine.Run(t, "--name", "doctor-off", "--publish", "127.0.0.1::8000", "--env", "DLVGEN_START=off", b.ref("doctor-debug"))
	if addr, err := c.Addr(proctest.Context(t), 8000); err != nil {
		t.Error(err)
	} else {
		examine(t, "doctor-off").has(t, "address", "failed", "nothing answers at "+addr, "docker logs doctor-off")
	}
	held := b.engine.Run(t, "--name", "doctor-held", "--publish", "127.0.0.1::8000", b.ref("doctor-debug"))
	addr, err := held.Addr(proctest.Context(t), 8000)
	if err != nil {
		t.Fatal(err)
	}
	d, err := testenv.ConnectDelve(proctest.Context(t), addr) // it listens
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	e = examine(t, "doctor-held")
	e.has(t, "address", "ok", "answers at "+addr+": Delve 1.")
	e.has(t, "sources", "ok")
}

func (b *doctorBench) otherPlatform(t *testing.T) {
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config = "linux", "s390x", v1.Config{Entrypoint: []string{"/server"}}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	if _, err := b.reg.Push(proctest.Context(t), "doctor/far:v1", img); err != nil {
		t.Fatal(err)
	}
	e := examine(t, b.reg.Ref("doctor/far:v1"))
	e.has(t, "platform", "failed", "is for linux/s390x", "--platform linux/")
	e.has(t, "program", "failed", "starts no Go program", "/server is not there")
	e.has(t, "sources", "skipped")
}

func (b *doctorBench) nothing(t *testing.T) {
	e := examine(t, "nothing-of-this-name")
	e.has(t, "target", "failed", "nothing-of-this-name is no container")
	e.has(t, "sources", "skipped", "the target was not found")
	e.has(t, "builder", "ok")
	for _, test := range []struct {
		code int
		want string
		args []string
	}{
		{cli.ExitFailure, "nowhere", []string{"--local", "nowhere"}},
		{cli.ExitUsage, "--namespace is for pods, and web is none", []string{"web", "-n", "shop"}},
		{cli.ExitUsage, "--context is for pods, and there is no target", []string{"--context", "staging"}},
	} {
		var stderr bytes.Buffer
		if code := cli.Run(proctest.Context(t), append([]string{"doctor"}, test.args...), strings.NewReader(""), &bytes.Buffer{}, &stderr); code != test.code || !strings.Contains(stderr.String(), test.want) {
			t.Errorf("%q: exit code %d: %s", test.args, code, stderr.String())
		}
	}
	e = examine(t, "pod/app", "--kubeconfig", filepath.Join(t.TempDir(), "none"))
	e.has(t, "cluster", "failed", "kubeconfig")
	e.has(t, "target", "failed", "kubeconfig")
	e.has(t, "debugger", "skipped", "the target was not found")
}
