package proctest

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Missing ends a test that needs what the machine does not have. The format and its
// arguments say what. The test is skipped; with CI=true in the environment it fails.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	reason := fmt.Sprintf(format, args...)
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// RequireRoot ends a test of a user other than root.
func RequireRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "this test needs root")
	}
}

// RequirePrograms ends a test where a program is not on PATH.
func RequirePrograms(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			Missing(t, "%v; run `make setup` as root on Debian or Ubuntu", err)
		}
	}
}
