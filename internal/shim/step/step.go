// Package step is the compile step around one call: where things stand in it, what the
// call was given, and how the programs are found and run that this one stands for.
package step

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/shim/environ"
)

// Exit codes of a shell for programs that it can't start.
const (
	ExitCannotStart = 126
	ExitNotFound    = 127
)

// Step is the compile step around one call: where things stand in it, and what
// the call was given.
type Step struct {
	// Bin, Real, Capture, Sources and GoCache are the paths that layout names.
	Bin, Real, Capture, Sources, GoCache string

	// Mode and Test are the files that layout names.
	Mode, Test string

	// Mountinfo is the kernel's table of mounts, in the format of
	// /proc/self/mountinfo.
	Mountinfo string

	// Executable is the absolute path at which this program was started, and
	// Name its argv[0].
	Executable string
	Name       string

	Env                   environ.Environ
	Stdin, Stdout, Stderr *os.File
}

// Current is the step that this process is in. args is os.Args.
func Current(args []string) (Step, error) {
	if len(args) == 0 {
		return Step{}, errors.New("started without a name")
	}
	// The kernel's answer is the mount point, whatever name led to it.
	executable, err := os.Executable()
	if err != nil {
		return Step{}, fmt.Errorf("finding the path of this program: %w", err)
	}
	return Step{
		Bin:        layout.Bin,
		Real:       layout.Real,
		Capture:    layout.Capture,
		Sources:    layout.Sources,
		GoCache:    layout.GoCache,
		Mode:       layout.Mode,
		Test:       layout.Test,
		Mountinfo:  "/proc/self/mountinfo",
		Executable: executable,
		Name:       args[0],
		Env:        os.Environ(),
		Stdin:      os.Stdin,
		Stdout:     os.Stdout,
		Stderr:     os.Stderr,
	}, nil
}

// NotFound says that there is no real program, and returns a shell's exit code for that.
func (s Step) NotFound() int {
	s.Say(filepath.Base(s.Name) + ": not found\n")
	return ExitNotFound
}

// CannotStart says why a program cannot be started, and returns a shell's exit code for that.
func (s Step) CannotStart(program string, err error) int {
	s.Say(fmt.Sprintf("%s: starting %s: %v\n", filepath.Base(s.Name), program, err))
	return ExitCannotStart
}

// Say writes to standard error. Where that fails, nobody is left to be told.
func (s Step) Say(message string) {
	_, _ = s.Stderr.WriteString(message)
}

// SayDownloads repeats what a go command said of its downloads, which the first call that
// needs one makes: the user's own call would have said so.
func (s Step) SayDownloads(stderr string) {
	for line := range strings.Lines(stderr) {
		if strings.HasPrefix(line, "go: downloading ") {
			s.Say(line)
		}
	}
}
