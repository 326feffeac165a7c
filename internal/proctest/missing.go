package proctest

import (
	"fmt"
	"os"
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
