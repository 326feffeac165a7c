package launch

import (
	"os"
	"runtime"
	"strings"
	"syscall"
)

// stageWord is the first word of this program when it is the first stage of a
// start: the second is the program's path, the others are its arguments.
const stageWord = "dlvgen: first stage of a start"

// prSetPtracer is PR_SET_PTRACER (linux/prctl.h).
const prSetPtracer = 0x59616d61

// needsStage tells whether the kernel lets a process be traced by its ancestors
// only, unless it has named its tracer. (Linux, admin-guide/LSM/Yama.)
func needsStage() bool {
	scope := yamaScope()
	return scope != "" && scope != "0"
}

// yamaScope is the value of kernel.yama.ptrace_scope, empty where there is no Yama.
func yamaScope() string {
	data, _ := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope")
	return strings.TrimSpace(string(data))
}

// stage names the parent and what descends from it, such as the debugger, as those
// who may trace this process, and becomes the program of words under the parent's eyes.
func stage(words []string) error {
	runtime.LockOSThread()
	if syscall.Gettid() != os.Getpid() {
		// An execve by another than the first thread would lose the permission.
		return syscall.Exec("/proc/self/exe", append([]string{stageWord}, words...), os.Environ())
	}
	// Fails where there is no Yama.
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetPtracer, uintptr(os.Getppid()), 0)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PTRACE, syscall.PTRACE_TRACEME, 0, 0); errno != 0 {
		return startError(words[0], errno)
	}
	return startError(words[0], syscall.Exec(words[0], words[1:], os.Environ()))
}
