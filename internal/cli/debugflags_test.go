package cli_test

import (
	"strings"
	"testing"

	"github.com/dlvgen/dlvgen/internal/cli"
)

func TestFlagsOfDebugThatExcludeEachOther(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"--build and --derive both make the debug image":        {"--build", "--derive"},
		"--source is for --derive":                              {"--build", "--source", "."},
		"--image names a debug image, and --build makes one":    {"--image", "app:v1-debug", "--build"},
		"--image names a debug image, and --derive makes one":   {"--image", "app:v1-debug", "--derive"},
		"--dry-run starts nothing, and --build builds":          {"--dry-run", "--build=app"},
		"--dry-run starts nothing, and --derive builds":         {"--dry-run", "--derive"},
		"--pid and --program both name the process":             {"--pid", "7", "--program", "server"},
		"--format json prints where the debugger is":            {"--format", "json", "--for", "dlv"},
		"--user is for pods, and app is none: name it as pod/N": {"--user", "7"},
	} {
		if r := call(t, append([]string{"debug", "app"}, args...)...); r.code != cli.ExitUsage || r.stdout != "" || !strings.Contains(r.stderr, want) {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q, want %q", args, r.code, r.stdout, r.stderr, want)
		}
	}
}
