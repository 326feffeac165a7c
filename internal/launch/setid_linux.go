package launch

import (
	"fmt"
	"os"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/procfs"
)

// giveUpSetID takes on the user and group of whoever started this process, where the
// kernel gave it those of its file. A launcher has the mode of its program, and what
// callers say with arguments and environment is not to be done with the rights of the
// file's owner. The program gets those from its own file, as in production.
func giveUpSetID() error {
	uid, gid := os.Getuid(), os.Getgid()
	if os.Geteuid() == uid && os.Getegid() == gid {
		return nil
	}
	if err := syscall.Setresgid(gid, gid, gid); err != nil {
		return fmt.Errorf("giving up the group of this program's file: %w", err)
	}
	if err := syscall.Setresuid(uid, uid, uid); err != nil {
		return fmt.Errorf("giving up the user of this program's file: %w", err)
	}
	return nil
}

// traceable is the start without its debugger where the program's file gives the
// program another user or group: the kernel ignores that for a program that is started
// under trace, and lets nobody attach to it later, but for those who may trace
// everything.
func (s start) traceable() start {
	if !s.debugged() || !changesIDs(s.path) || mayTraceAll() {
		return s
	}
	s.delve = commandline{}
	s.note = fmt.Sprintf("the file mode of %s gives it another user or group, so the kernel does not allow debugging it; starting it without the debugger: "+
		"start the container as the file's owner to debug it", s.path)
	return s
}

// changesIDs tells whether a program runs with another user or group than this
// process, by the mode of its file (execve(2)).
func changesIDs(path string) bool {
	const setuid, setgid, groupExecutes = 0o4000, 0o2000, 0o0010
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil || procfs.ReadStatus(os.Getpid()).Number("NoNewPrivs") == 1 {
		return false
	}
	return st.Mode&setuid != 0 && int(st.Uid) != os.Geteuid() ||
		st.Mode&setgid != 0 && st.Mode&groupExecutes != 0 && int(st.Gid) != os.Getegid()
}

// mayTraceAll tells whether this process has CAP_SYS_PTRACE.
func mayTraceAll() bool {
	const sysPtrace = 19
	return procfs.ReadStatus(os.Getpid()).Mask("CapEff")&(1<<sysPtrace) != 0
}
