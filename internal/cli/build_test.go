package cli_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
	"github.com/dlvgen/dlvgen/internal/tools"
)

// callEnv turns this test program into dlvgen.
const callEnv = "DLVGEN_TEST_CLI"

func TestMain(m *testing.M) {
	if os.Getenv(callEnv) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // as in main
		context.AfterFunc(ctx, stop)
		os.Exit(cli.Main(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	testenv.Main(m)
}

// requireTools ends the test where the test binary was compiled before the tools
// were made.
func requireTools(t *testing.T) {
	t.Helper()
	_, err := tools.Embedded()
	if errors.Is(err, tools.ErrNone) {
		proctest.Missing(t, "%v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// ran is what one command line did.
type ran struct {
	code           int
	stdout, stderr string
}

// dlvgen runs `dlvgen build` against the shared BuildKit.
func dlvgen(t *testing.T, args ...string) ran {
	t.Helper()
	args = append([]string{"build", "--addr", testenv.SharedBuildKit(t).Addr, "--progress", "plain"}, args...)
	var stdout, stderr bytes.Buffer
	code := cli.Run(proctest.Context(t), args, strings.NewReader(""), &stdout, &stderr)
	return ran{code, stdout.String(), stderr.String()}
}

// mustBuild is dlvgen for a build that succeeds; it returns stdout's lines.
func mustBuild(t *testing.T, args ...string) []string {
	t.Helper()
	r := dlvgen(t, args...)
	if r.code != cli.ExitOK {
		t.Fatalf("dlvgen build %q: exit code %d\n%s", args, r.code, r.stderr)
	}
	return strings.Split(strings.TrimSpace(r.stdout), "\n")
}

func needBuildKit(t *testing.T) *testenv.Registry {
	t.Helper()
	testenv.Require(t, testenv.NeedBuildKit)
	requireTools(t)
	return testenv.SharedRegistry(t)
}

func TestPushMovesTheDebugTagsAndLeavesProductionAlone(t *testing.T) {
	reg := needBuildKit(t)
	dir := testenv.Service(t, "hello")
	production := reg.Ref("cli/push:v1")
	args := []string{"-t", production, "--variant", "remote,remote-src", "--push", dir}

	r := dlvgen(t, args...)
	if r.code != cli.ExitOK {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if len(lines) != 2 {
		t.Fatalf("stdout has %q, want a line for each variant", r.stdout)
	}
	for i, suffix := range []string{"-debug", "-debug-src"} {
		ref, digest, _ := strings.Cut(lines[i], "@")
		if ref != production+suffix {
			t.Errorf("line %d names %s, want %s", i, ref, production+suffix)
		}
		img, err := reg.Image(proctest.Context(t), "cli/push:v1"+suffix)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := img.Digest(); err != nil || got.String() != digest {
			t.Errorf("the tag %s names %s, %v, want %s", ref, got, err, digest)
		}
	}
	reg.Lacks(t, "cli/push:v1") // that is production's
	// Both variants wait for one compile, which the display shows once.
	steps := map[string]bool{}
	for line := range strings.Lines(r.stderr) {
		if number, name, ok := strings.Cut(line, " "); ok && strings.Contains(name, "RUN CGO_ENABLED=0 go build") && strings.HasPrefix(number, "#") {
			steps[number] = true
		}
	}
	if len(steps) != 1 {
		t.Errorf("the compile step is shown as %v, want once:\n%s", steps, r.stderr)
	}

	again := mustBuild(t, args...)
	if strings.Join(again, "\n") != strings.Join(lines, "\n") {
		t.Errorf("the second build printed\n%q, the first\n%q", again, lines)
	}
}

func TestTagThatIsNotOursStopsTheBuildBeforeItBegins(t *testing.T) {
	reg := needBuildKit(t)
	base, err := reg.Image(proctest.Context(t), "library/golang:1.26")
	if err != nil {
		t.Fatal(err)
	}
	before, err := reg.Push(proctest.Context(t), "cli/foreign:v1-debug", base)
	if err != nil {
		t.Fatal(err)
	}
	r := dlvgen(t, "-t", reg.Ref("cli/foreign:v1"), "--push", testenv.Service(t, "hello"))
	if r.code != cli.ExitFailure || !strings.HasPrefix(r.stderr, "dlvgen: ") || !strings.Contains(r.stderr, "cli/foreign:v1-debug") {
		t.Errorf("exit code %d, stderr:\n%s", r.code, r.stderr)
	}
	if strings.Contains(r.stderr, "load build definition") {
		t.Errorf("something was built first:\n%s", r.stderr)
	}
	img, err := reg.Image(proctest.Context(t), "cli/foreign:v1-debug")
	if err != nil {
		t.Fatal(err)
	}
	if after, err := img.Digest(); err != nil || !strings.HasSuffix(before, after.String()) {
		t.Errorf("the foreign tag names %s, %v, and named %s", after, err, before)
	}
}

func TestFailedCompileShowsTheCompilerAndPushesNothing(t *testing.T) {
	reg := needBuildKit(t)
	dir := testenv.Service(t, "compileerror")
	for _, variants := range []string{"remote", "remote,remote-src"} {
		r := dlvgen(t, "-t", reg.Ref("cli/broken:v1"), "--variant", variants, "--push", dir)
		if r.code != cli.ExitFailure || r.stdout != "" {
			t.Errorf("%s: exit code %d, stdout %q", variants, r.code, r.stdout)
		}
		// Other tests look for the first two where nothing may be built.
		for _, want := range []string{"load build definition", "RUN ", "dlvgen: ", "Dockerfile:4", "did not complete successfully: exit code: 1", "main.go:"} {
			if !strings.Contains(r.stderr, want) {
				t.Errorf("%s: stderr lacks %q:\n%s", variants, want, r.stderr)
			}
		}
	}
	for _, tag := range []string{"v1-debug", "v1-debug-src"} {
		reg.Lacks(t, "cli/broken:"+tag)
	}
}

func TestDryRunPrintsThePlanAndPushesNothing(t *testing.T) {
	reg := needBuildKit(t)
	out := mustBuild(t, "-t", reg.Ref("cli/dry:v1"), "--push", "--dry-run", testenv.Service(t, "hello"))
	if text := strings.Join(out, "\n"); !strings.HasPrefix(text, "{") || !strings.Contains(text, `"path": "/server"`) {
		t.Errorf("stdout is no plan: %s", text)
	}
	reg.Lacks(t, "cli/dry:v1-debug")
}

func TestImageOnStdoutIsATarFileAlone(t *testing.T) {
	needBuildKit(t)
	r := dlvgen(t, "-t", "app:v1", "-o", "type=oci,dest=-", testenv.Service(t, "hello"))
	if r.code != cli.ExitOK {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	var names []string
	for e, err := range testenv.Entries(io.NopCloser(strings.NewReader(r.stdout))) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name)
	}
	if !strings.Contains(strings.Join(names, " "), "index.json") {
		t.Errorf("the tar file has %q, want an OCI layout", names)
	}
}

func TestLoadPutsTheVariantsIntoDockerEngine(t *testing.T) {
	needBuildKit(t)
	testenv.Require(t, testenv.NeedDocker)
	engine := testenv.SharedDocker(t)
	t.Setenv("DOCKER_HOST", engine.Host)
	mustBuild(t, "-t", "dlvgen-cli-load:v1", "--variant", "remote,remote-src", "--load", testenv.Service(t, "hello"))
	for _, tag := range []string{"v1-debug", "v1-debug-src"} {
		out, err := engine.CLI(proctest.Context(t), "image", "inspect", "--format", "{{.Config.Entrypoint}}", "dlvgen-cli-load:"+tag)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out, "/.dlvgen/init") {
			t.Errorf("the image %s starts %s", tag, out)
		}
		if _, err := engine.CLI(proctest.Context(t), "image", "rm", "--force", "dlvgen-cli-load:"+tag); err != nil {
			t.Error(err)
		}
	}
}

func TestContextFromStdin(t *testing.T) {
	needBuildKit(t)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.AddFS(os.DirFS(testenv.Service(t, "hello"))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	args := []string{"build", "--addr", testenv.SharedBuildKit(t).Addr, "--progress", "plain", "--dry-run", "--variant", "remote,remote-src", "-"}
	if code := cli.Run(proctest.Context(t), args, &archive, &stdout, &stderr); code != cli.ExitOK {
		t.Fatalf("exit code %d\n%s", code, stderr.String())
	}
	if n := strings.Count(stdout.String(), `"delve":`); n != 2 {
		t.Errorf("%d plans, want one for each variant", n)
	}
}
