//go:build !race

// What is tested is another program, which is compiled without the detector.

package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// TestAReleaseWithoutToolsTakesThoseOfItsFrontendImage compiles what `go install` does of a
// release: the files in the repository, without the tools. Its image is that of a dlvgen
// that carries the same tools.
func TestAReleaseWithoutToolsTakesThoseOfItsFrontendImage(t *testing.T) {
	reg := needBuildKit(t)
	testenv.FrontendImage(t)
	image, err := reg.Image(proctest.Context(t), "dlvgen/dlvgen:test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reg.Push(proctest.Context(t), "dlvgen/dlvgen:1.7.8", image); err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	program := installed(t, "v1.7.8")
	dir := testenv.Service(t, "hello")
	run := func(want int, args ...string) (stdout, stderr string) {
		t.Helper()
		args = append([]string{"build", "--addr", testenv.SharedBuildKit(t).Addr, "--progress", "plain"}, args...)
		cmd := exec.CommandContext(proctest.Context(t), program, append(args, dir)...)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); cmd.ProcessState.ExitCode() != want {
			t.Fatalf("%v, want exit code %d\n%s", err, want, errs.String())
		}
		return out.String(), errs.String()
	}

	stdout, stderr := run(0, "-t", reg.Ref("cli/installed:v1"), "--variant", "remote,remote-src", "--push")
	says := fmt.Sprintf("tools: from the frontend image docker.io/dlvgen/dlvgen:1.7.8@%s, since this dlvgen was built without its tools\n", digest)
	if strings.Count(stderr, says) != 1 {
		t.Errorf("stderr does not say once %q:\n%s", says, stderr)
	}
	// The labels have the version that derived an image.
	if lines := strings.Split(strings.TrimSpace(stdout), "\n"); len(lines) != 2 {
		t.Errorf("stdout is %q", stdout)
	}
	mirror := reg.Ref("dlvgen/dlvgen:test")
	if _, stderr := run(0, "--frontend-image", mirror, "--dry-run"); !strings.Contains(stderr, "tools: from the frontend image "+mirror+"@"+digest.String()+", as --frontend-image says\n") {
		t.Errorf("with a mirror, stderr is:\n%s", stderr)
	}
	if _, stderr := run(1, "--frontend-image", reg.Ref("dlvgen/dlvgen:none"), "--dry-run"); !strings.Contains(stderr, "dlvgen: resolving the frontend image "+reg.Ref("dlvgen/dlvgen:none")+": ") {
		t.Errorf("with an image that is not there, stderr is:\n%s", stderr)
	}
}

// The tools of an image and those that dlvgen carries make the same debug image.
func TestToolsOfAFrontendImageMakeTheSameImage(t *testing.T) {
	reg := needBuildKit(t)
	image, dir := testenv.FrontendImage(t), testenv.Service(t, "hello")
	args := []string{"-t", reg.Ref("cli/sametools:v1"), "--variant", "remote-src,sidecar", "--push", dir}
	carried := mustBuild(t, args...)
	t.Setenv("DLVGEN_FRONTEND_IMAGE", image)
	if got := mustBuild(t, args...); strings.Join(got, "\n") != strings.Join(carried, "\n") {
		t.Errorf("with the frontend image's tools the build printed\n%q, with dlvgen's own, of `make tools`,\n%q", got, carried)
	}
}

// installed compiles the repository's files as a release, of which the go command reads
// the version from the tag.
func installed(t *testing.T, version string) (program string) {
	t.Helper()
	root, err := testenv.RepoRoot()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program = filepath.Join(t.TempDir(), "dlvgen")
	const script = `cd "$1" && git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - | tar -xf - -C "$2"
cd "$2" && git init -q && git add -A && git -c user.name=test -c user.email=test@example.com -c commit.gpgsign=false commit -qm release && git tag "$3" &&
go build -trimpath -buildvcs=true -o "$4" ./cmd/dlvgen`
	cmd := exec.CommandContext(proctest.Context(t), "sh", "-ec", script, "sh", root, dir, version, program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GIT_CONFIG_GLOBAL=/dev/null")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}
