//go:build linux

// Dlvgen-init starts the program of a remote debug image and attaches the debugger
// to it. It passes signals on to the program and ends as the program ends.
//
//	dlvgen-init /dlv [FLAGS] exec PROGRAM [-- ARGUMENT...]
//	dlvgen-init ARGUMENT...
//
// The second form is a command that the user gave in place of the image's own. At
// the program's own path it is a launcher: its arguments are the program's. In a
// sidecar's image it attaches the debugger to a program of another container.
package main

import (
	"os"

	"github.com/dlvgen/dlvgen/internal/launch"
	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/sidecar"
)

func main() {
	if sidecar.Planned(layout.Plan) {
		os.Exit(sidecar.Run(os.Args[1:], sidecar.Config{}))
	}
	os.Exit(launch.Run(os.Args, launch.Config{}))
}
