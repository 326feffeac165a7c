package frontend_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/testenv"
)

// TestBuildxCallsTheFrontend asks as users do, through the frontend image.
func TestBuildxCallsTheFrontend(t *testing.T) {
	testenv.Require(t, testenv.NeedBuildKit)
	ctx := deadline(t)
	bk, syntax, service := testenv.SharedBuildKit(t), testenv.FrontendImage(t), testenv.Service(t, "hello")
	program, err := testenv.Program(ctx, "docker-buildx")
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "BUILDX_CONFIG="+t.TempDir())
	buildx := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Env = env
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%q: %v\n%s%s", args, err, out, stderr.String())
		}
		return string(out)
	}
	buildx("create", "--driver", "remote", "--name", "called", "--use", bk.Addr)
	for call, want := range map[string]string{
		"check":                       "Check complete, no warnings found.",
		"targets":                     "build",
		"subrequests.describe":        "dlvgen.variants",
		"dlvgen.variants":             "program  /server\n",
		"dlvgen.variants,format=json": `"program": "/server"`,
	} {
		out := buildx("build", "--call", call, "--build-arg", "BUILDKIT_SYNTAX="+syntax, service)
		if !strings.Contains(out, want) {
			t.Errorf("--call %s prints %q, and no %q", call, out, want)
		}
	}
}
