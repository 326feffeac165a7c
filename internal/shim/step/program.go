package step

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/dlvgen/dlvgen/internal/shim/environ"
)

// Program is one that this program stands for.
type Program struct {
	Path string

	// Moved is the path that it would stand at, had it not been moved away. Empty
	// where it was not.
	Moved string
}

// Find finds the real program of the path that this one stands at: below s.Real
// at the same path, else the first of that name in PATH that is not this one. The
// error says that there is none.
func (s Step) Find(name string) (Program, error) {
	if path := s.Real + s.Executable; isProgram(path) {
		return Program{Path: path, Moved: s.Executable}, nil
	}
	for _, dir := range filepath.SplitList(s.Env.Get("PATH")) {
		if filepath.Clean(dir) == s.Bin {
			continue
		}
		candidate, err := filepath.Abs(filepath.Join(dir, name))
		if err != nil || !isProgram(candidate) {
			continue
		}
		resolved, err := filepath.EvalSymlinks(candidate)
		if err != nil {
			continue
		}
		if path := s.Real + resolved; isProgram(path) {
			return Program{Path: path, Moved: resolved}, nil
		}
		// A program of the step's own making, or one that nobody found.
		if !SameProgram(s.Executable, resolved) {
			return Program{Path: candidate}, nil
		}
	}
	return Program{}, fmt.Errorf("no %s command in PATH", name)
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// SameProgram compares contents where the files differ: two mounts of one
// program may be two files to the kernel.
func SameProgram(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA != nil || errB != nil || infoA.Size() != infoB.Size() {
		return false
	}
	if os.SameFile(infoA, infoB) {
		return true
	}
	dataA, errA := os.ReadFile(a)
	dataB, errB := os.ReadFile(b)
	return errA == nil && errB == nil && bytes.Equal(dataA, dataB)
}

// IsDir tells whether there is a folder at a path.
func IsDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// forwarded are the signals that are meant for the go command, whoever got them.
var forwarded = []os.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2,
}

// Exec replaces this process by a program. It returns only if that fails.
func (s Step) Exec(path string, args []string, env environ.Environ) int {
	return s.CannotStart(path, syscall.Exec(path, append([]string{s.Name}, args...), env))
}

// Child runs a program in the place of this process: same standard files,
// signals passed on. It returns the exit code, 128 and the signal's number where
// a signal ended the child, as a shell would.
func (s Step) Child(path string, args []string, env environ.Environ) int {
	cmd := exec.Cmd{
		Path:   path,
		Args:   append([]string{s.Name}, args...),
		Env:    env,
		Stdin:  s.Stdin,
		Stdout: s.Stdout,
		Stderr: s.Stderr,
	}
	signals := make(chan os.Signal, len(forwarded))
	signal.Notify(signals, forwarded...)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return s.CannotStart(path, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			// The child may have ended just now; then there is nobody to tell.
			_ = cmd.Process.Signal(sig)
		case err := <-ended:
			return ExitCode(err)
		}
	}
}

// quietGrace is how long a program may take to end after it was interrupted.
const quietGrace = 5 * time.Second

// Quietly runs a program whose output and exit code nobody wants, until ctx is done.
func (s Step) Quietly(ctx context.Context, path string, args []string, env environ.Environ) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = env
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = quietGrace
	_ = cmd.Run()
}

// ExitCode is that of a program that ended so.
func ExitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		return ExitCannotStart
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}
