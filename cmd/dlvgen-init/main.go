//go:build linux

// Dlvgen-init is PID 1 of the remote debug images: it starts the debugger with
// the program, passes signals to the program and ends as the program ends.
//
//	dlvgen-init /dlv [FLAGS] exec PROGRAM [-- ARGUMENT...]
//	dlvgen-init ARGUMENT...
//
// The second form is a command that the user gave in place of the image's own.
package main

import (
	"os"

	"github.com/dlvgen/dlvgen/internal/launch"
)

func main() {
	os.Exit(launch.Run(os.Args[1:], launch.Config{}))
}
