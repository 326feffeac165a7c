package proctest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// secondLink in the environment turns a test program into a tool for `go build
// -toolexec`: it is the file where the program is linked once more.
const secondLink = "DLVGEN_TEST_SECOND_LINK"

// RunToolexec ends the process where this test program was started by a go build with
// SecondLink's arguments. TestMain calls it first.
func RunToolexec() {
	output := os.Getenv(secondLink)
	if output == "" {
		return
	}
	if err := runTool(os.Args[1], os.Args[2:], output); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// SecondLink returns what go build needs, in its environment and ahead of its other
// arguments, to link a program without symbols and debug information and, by the same
// call of the linker without -s and -w, the file symbols.
func SecondLink(symbols string) (env, args []string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	return []string{secondLink + "=" + symbols}, []string{"-ldflags=-s -w", "-toolexec=" + self}, nil
}

// runTool runs a tool of Go's, and the linker twice.
func runTool(tool string, args []string, output string) error {
	if err := execTool(tool, args); err != nil || filepath.Base(tool) != "link" || len(args) < 3 {
		return err
	}
	args = slices.DeleteFunc(args, func(a string) bool { return a == "-s" || a == "-w" })
	args[slices.Index(args, "-o")+1] = output
	return execTool(tool, args)
}

func execTool(tool string, args []string) error {
	cmd := exec.Command(tool, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}
