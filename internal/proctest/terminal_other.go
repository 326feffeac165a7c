//go:build !linux

package proctest

import (
	"os"
	"testing"

	"github.com/containerd/console"
)

// Terminal ends the test: pseudo-terminals are opened on Linux only.
func Terminal(t *testing.T) (user console.Console, program *os.File) {
	t.Helper()
	Missing(t, "this test needs Linux")
	return nil, nil
}
