package watch

import (
	"os"
	"os/exec"
	"syscall"
)

// shell runs a command line, which cmd reads with its own rules of quoting.
func shell(line string) *exec.Cmd {
	cmd := exec.Command("cmd")
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd /s /c "` + line + `"`, CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
	return cmd
}

// terminate ends it at once: Windows has no signal that asks for an end.
func terminate(p *os.Process) { _ = p.Kill() }

func kill(p *os.Process) { _ = p.Kill() }
