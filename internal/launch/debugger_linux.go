package launch

import (
	"math/bits"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/procfs"
)

// startDelve starts Delve, to attach to the process pid, once this process has let go
// of the program's descriptors. What Delve prints goes to stderr. A process group of its own keeps the terminal's Ctrl-C away from it.
func startDelve(c commandline, pid int, proceed bool, config string) (process, error) {
	path, err := lookPath(c.flags[0])
	if err != nil {
		return process{}, err
	}
	delve, err := syscall.ForkExec(path, c.attach(strconv.Itoa(pid), proceed), &syscall.ProcAttr{
		Env:   delveEnv(os.Environ(), config),
		Files: []uintptr{0, 2, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: parentsDeath(), AmbientCaps: ownCapabilities()},
	})
	return process{pid: delve}, err
}

// delveEnv is the environment with a config folder for Delve alone. It keeps Delve
// from writing one in the home folder, and from starting a process for telemetry.
func delveEnv(env []string, config string) []string {
	const name = "XDG_CONFIG_HOME="
	env = slices.DeleteFunc(slices.Clone(env), func(v string) bool { return strings.HasPrefix(v, name) })
	return append(env, name+config)
}

// ownCapabilities lists this process's capabilities where it is not root: those of
// its file. The program has the same from its own file (setcap), and nobody without
// them may trace it.
func ownCapabilities() []uintptr {
	if os.Geteuid() == 0 {
		return nil
	}
	var list []uintptr
	for mask := procfs.ReadStatus(os.Getpid()).Mask("CapPrm"); mask != 0; mask &= mask - 1 {
		list = append(list, uintptr(bits.TrailingZeros64(mask)))
	}
	return list
}
