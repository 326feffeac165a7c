//go:build !windows

package watch

import (
	"os"
	"os/exec"
	"syscall"
)

// shell runs a command line in a process group of its own: Ctrl-C at a terminal does not reach
// it, so that it gets one signal, and its children too.
func shell(line string) *exec.Cmd {
	cmd := exec.Command("/bin/sh", "-c", line)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

func terminate(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGTERM) }

func kill(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }
