// Package shim is the program that stands for the go command in instrumented
// compile steps. It edits the flags of calls that compile programs to keep, so
// that the programs can be debugged, and leaves a record of what was compiled
// with the sources that it was compiled from. Every other call goes to the real
// go at once, as it is. Under other names it stands for rm and for programs that
// strip, and it is what the go command puts before a linker and a program.
//
// A build never fails because of this program: calls that it doesn't understand
// are run untouched, and where the record can't be written, the build's result
// stands.
package shim

import (
	"context"
	"fmt"
	"os"

	"github.com/dlvgen/dlvgen/internal/shim/gocall"
	"github.com/dlvgen/dlvgen/internal/shim/link"
	"github.com/dlvgen/dlvgen/internal/shim/record"
	"github.com/dlvgen/dlvgen/internal/shim/standin"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

// Main runs the program that this one stands for in the step that this process is in.
// args is os.Args. It returns the exit code, or never, where the real program took this
// process over.
func Main(ctx context.Context, args []string) int {
	s, err := step.Current(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "go: %v\n", err)
		return step.ExitCannotStart
	}
	return Run(ctx, s, args[1:])
}

// Run does what the program that this one was called as would do with args, the words
// after its name, and returns its exit code. Where nothing is left to do after the real
// program, that replaces this process.
func Run(ctx context.Context, s step.Step, args []string) int {
	switch name := calledAs(s, args); name {
	case "":
		return callGo(ctx, s, args)
	case link.ToolexecMark:
		return record.Toolexec(s, args[1:])
	case gocall.ExecMark:
		return execProgram(s, args[1:])
	case "rm":
		return standin.Remove(s, args)
	default:
		return standin.Strip(s, name, args)
	}
}

// calledAs is the name under which this program was called: the mark that the go command
// was told to put first, or the plain name of a program other than go, "" for go. Some
// programs are one file under several names, so argv[0] comes before the path at which
// this one is mounted.
func calledAs(s step.Step, args []string) string {
	if len(args) > 1 && (args[0] == link.ToolexecMark || args[0] == gocall.ExecMark) {
		return args[0]
	}
	if name := standin.NameOf(s.Name); name != "" {
		return name
	}
	return standin.NameOf(s.Executable)
}
