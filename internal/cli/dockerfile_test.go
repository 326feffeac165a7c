//go:build !race

// See explain_test.go for why.

package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// TestTheEjectedDockerfileGoesToStdoutOrAFile ejects twice: the text is the same.
func TestTheEjectedDockerfileGoesToStdoutOrAFile(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	bk, image, service := testenv.SharedBuildKit(t), testenv.FrontendImage(t), testenv.Service(t, "hello")
	eject := func(want int, args ...string) ran {
		t.Helper()
		var stdout, stderr bytes.Buffer
		args = append([]string{"dockerfile", "--addr", bk.Addr, "--progress", "plain", "--frontend-image", image}, args...)
		code := cli.Run(proctest.Context(t), append(args, service), strings.NewReader(""), &stdout, &stderr)
		if code != want {
			t.Fatalf("%q: exit code %d, want %d\n%s%s", args, code, want, stdout.String(), stderr.String())
		}
		return ran{code, stdout.String(), stderr.String()}
	}
	text := eject(cli.ExitOK).stdout
	if !strings.HasPrefix(text, "# dlvgen: ") || !strings.Contains(text, "\nFROM "+image+"@sha256:") || !strings.Contains(text, "\nENTRYPOINT [\"/.dlvgen/init\"]\n") {
		t.Errorf("the Dockerfile is\n%s", text)
	}
	file := filepath.Join(t.TempDir(), "Dockerfile.debug")
	if stdout := eject(cli.ExitOK, "-o", file).stdout; stdout != "" {
		t.Errorf("with -o stdout has %q", stdout)
	}
	if written, err := os.ReadFile(file); err != nil || string(written) != text {
		t.Errorf("the file is, %v,\n%s", err, written)
	}
	for want, args := range map[string][]string{
		"a Dockerfile is for one variant and one platform":                        {"--variant", "remote,attach"},
		"this image cannot be written as a Dockerfile: a sidecar has the symbols": {"--variant", "sidecar"},
	} {
		if stderr := eject(cli.ExitFailure, args...).stderr; !strings.Contains(stderr, want) {
			t.Errorf("%q: stderr is\n%s", args, stderr)
		}
	}
}

func TestADockerfileNeedsAFrontendImage(t *testing.T) {
	t.Setenv("DLVGEN_FRONTEND_IMAGE", "")
	var stdout, stderr bytes.Buffer
	code := cli.Run(t.Context(), []string{"dockerfile", t.TempDir()}, strings.NewReader(""), &stdout, &stderr)
	if code != cli.ExitFailure || !strings.Contains(stderr.String(), "name an image with --frontend-image") {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
}
