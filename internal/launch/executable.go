package launch

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
)

// Exit codes of container runtimes for a command that cannot be started.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
)

// commandError is an error that a container runtime has an exit code for.
type commandError struct {
	err  error
	code int
}

func (e *commandError) Error() string { return e.err.Error() }
func (e *commandError) Unwrap() error { return e.err }

// lookPath finds a program as runc does: a name without a slash along PATH,
// any other as it stands, relative to the working directory.
func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path, nil
	case errors.Is(err, fs.ErrPermission):
		return "", &commandError{fmt.Errorf("starting the command: %w", err), exitNotExecutable}
	default:
		return "", &commandError{fmt.Errorf("starting the command: %w", err), exitNotFound}
	}
}

// debuggable tells whether Delve can debug the program at path: an ELF file
// that Go's linker made, with its debug information. It reads section headers
// only.
func debuggable(path string) error {
	file, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("%s is not a program that Delve can debug: %w", path, err)
	}
	defer func() { _ = file.Close() }()
	if file.Section(".go.buildinfo") == nil {
		return fmt.Errorf("%s is not a Go program", path)
	}
	if file.Section(".debug_info") == nil && file.Section(".zdebug_info") == nil {
		return fmt.Errorf("%s has no debug information", path)
	}
	return nil
}
