package proctest

import (
	"os"
	"syscall"
	"testing"

	"github.com/containerd/console"
)

// Terminal opens a new pseudo-terminal: the user's end and the program's. Both are
// closed at the test's end. It becomes nobody's controlling terminal.
func Terminal(t *testing.T) (user console.Console, program *os.File) {
	t.Helper()
	user, name, err := console.NewPty()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = user.Close() })
	program, err = os.OpenFile(name, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return user, program
}
