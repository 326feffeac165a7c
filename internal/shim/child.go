package shim

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

// forwarded are the signals that are meant for the go command, whoever got them.
var forwarded = []os.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2,
}

// runChild runs the real program in the place of this process: same standard files,
// signals passed on. It returns the exit code, 128 and the signal's number where
// a signal ended the child, as a shell would.
func (s Step) runChild(tc toolchain, args []string, env environ) int {
	cmd := exec.Cmd{
		Path:   tc.path,
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
		s.say(fmt.Sprintf("%s: starting %s: %v\n", filepath.Base(s.Name), tc.path, err))
		return exitCannotStart
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			// The child may have ended just now; then there is nobody to tell.
			_ = cmd.Process.Signal(sig)
		case err := <-ended:
			return exitCode(err)
		}
	}
}

func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		return exitCannotStart
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}
