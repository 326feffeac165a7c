//go:build linux

// Dlvgen-init starts the program of a remote debug image and attaches the debugger
// to it. It passes signals on to the program and ends as the program ends.
//
//	dlvgen-init /dlv [FLAGS] exec PROGRAM [-- ARGUMENT...]
//	dlvgen-init ARGUMENT...
//
// The second form is a command that the user gave in place of the image's own. At
// the program's own path it is a launcher: its arguments are the program's.
package main

import (
	"os"

	"github.com/dlvgen/dlvgen/internal/launch"
)

func main() {
	os.Exit(launch.Run(os.Args, launch.Config{}))
}
