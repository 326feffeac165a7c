package sidecar

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/procfs"
)

// process is another process of the PID namespace.
type process struct {
	pid, parent int

	// exe is the path of its executable as its own container names it, empty if that
	// may not be asked; args are those that it was started with, its name first.
	exe  string
	args []string

	// program are the facts of its executable, nil if that is not a Go program or
	// cannot be read; then err says why.
	program *gobin.Facts
	err     error
}

// String describes a process on one line: pid, executable, arguments.
func (p process) String() string {
	exe := p.exe
	if exe == "" {
		exe = procfs.ReadStatus(p.pid)["Name"]
	}
	text := fmt.Sprintf("process %d (%s)", p.pid, exe)
	if len(p.args) > 1 {
		text += fmt.Sprintf(" with arguments %q", p.args[1:])
	}
	return text
}

// unreadable tells whether the process may not be looked at.
func (p process) unreadable() bool { return errors.Is(p.err, fs.ErrPermission) }

// file is a name for the executable of a process whatever mount namespace it is in.
func file(pid int) string { return fmt.Sprintf("/proc/%d/exe", pid) }

// namespace lists the processes of the PID namespace that /proc is of.
func namespace() []int {
	var pids []int
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		if pid, err := strconv.Atoi(filepath.Base(name)); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// foreign looks at those of pids that are neither this process nor come from it.
// The kernel's own threads, zombies and what has ended are left out.
func foreign(pids []int) []process {
	var list []process
	for _, pid := range pids {
		if descends(pid, os.Getpid()) {
			continue
		}
		if p, ok := inspect(pid); ok {
			list = append(list, p)
		}
	}
	return list
}

// descends tells whether a process is another one or comes from it.
func descends(pid, from int) bool {
	for pid != 0 && pid != from {
		pid = procfs.ReadStatus(pid).Number("PPid")
	}
	return pid == from
}

// inspect looks at one process. It is false for one that has no executable.
func inspect(pid int) (process, bool) {
	p := process{pid: pid, parent: procfs.ReadStatus(pid).Number("PPid")}
	exe, err := os.Readlink(file(pid))
	switch {
	case errors.Is(err, fs.ErrPermission):
		p.err = err
	case err != nil:
		return p, false
	}
	// The kernel's mark of a file that was removed or replaced.
	p.exe = strings.TrimSuffix(exe, " (deleted)")
	if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && len(line) > 0 {
		p.args = strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
	}
	if p.err == nil {
		p.program, p.err = gobin.ReadFile(file(pid))
	}
	return p, true
}
