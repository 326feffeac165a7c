//go:build !race

// See explain_test.go for why.

package cli_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
	"github.com/dlvgen/dlvgen/internal/proctest"
	"github.com/dlvgen/dlvgen/internal/testenv"
)

// TestTheEjectedDockerfileGoesToStdoutOrAFile ejects three times: the text is the same.
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
	text := eject(cli.ExitOK, "-o", "-").stdout
	if !strings.HasPrefix(text, "# Debug variant, made by dlvgen dockerfile.\n") || !strings.Contains(text, "\nFROM "+image+"@sha256:") || !strings.Contains(text, "\nENTRYPOINT [\"/.dlvgen/init\"]\n") {
		t.Errorf("the Dockerfile is\n%s", text)
	}
	file := filepath.Join(t.TempDir(), "Dockerfile.debug")
	for _, said := range []string{"dlvgen: wrote " + file + "\n", "dlvgen: nothing to change in " + file + "\n"} {
		if r := eject(cli.ExitOK, "-o", file); r.stdout != "" || !strings.HasSuffix(r.stderr, said) {
			t.Errorf("with -o stdout has %q, and stderr lacks %q:\n%s", r.stdout, said, r.stderr)
		}
	}
	if written, err := os.ReadFile(file); err != nil || string(written) != text {
		t.Errorf("the file is, %v,\n%s", err, written)
	}
	alone := eject(cli.ExitOK, "--standalone")
	if strings.Contains(alone.stdout, image) || !strings.Contains(alone.stdout, "\nENTRYPOINT [\"/dlv\",") || !strings.Contains(alone.stderr, "\ndlvgen: lost by --standalone: the program's exit code") {
		t.Errorf("with --standalone the Dockerfile is\n%s\nstderr is\n%s", alone.stdout, alone.stderr)
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

// TestNoFileOfTheUsersIsReplaced names files that the Dockerfile cannot go to. No builder is
// asked before.
func TestNoFileOfTheUsersIsReplaced(t *testing.T) {
	t.Chdir(t.TempDir())
	const production = "FROM golang:1.26\n"
	if err := errors.Join(os.WriteFile("Dockerfile", []byte(production), 0o600), os.Symlink("Dockerfile", "Dockerfile.debug")); err != nil {
		t.Fatal(err)
	}
	for output, want := range map[string]string{
		"Dockerfile":       "Dockerfile was not made by dlvgen dockerfile: choose another file with -o, or delete it",
		"Dockerfile.debug": "Dockerfile.debug was not made by dlvgen dockerfile",
		".":                ". is not a file",
		"none/Dockerfile":  "no folder none for the Dockerfile: make it",
	} {
		var stdout, stderr bytes.Buffer
		code := cli.Run(t.Context(), []string{"dockerfile", "--addr", "unix:///none", "--frontend-image", "none", "-o", output, "."}, strings.NewReader(""), &stdout, &stderr)
		if code != cli.ExitFailure || stdout.String() != "" || !strings.HasPrefix(stderr.String(), "dlvgen: "+want) {
			t.Errorf("-o %s: exit code %d, stdout %q, stderr %q, want %q", output, code, stdout.String(), stderr.String(), want)
		}
	}
	if text, err := os.ReadFile("Dockerfile"); err != nil || string(text) != production {
		t.Errorf("production's Dockerfile is %q, %v", text, err)
	}
}
