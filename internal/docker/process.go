package docker

import (
	"context"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/client"
)

// FirstPID is the process that a container starts.
const FirstPID = 1

// ProgramPID is the process id, as the container counts, of the program in a running
// container. Where that is not found, because the engine is not on this machine or the
// program has other names, it is FirstPID.
func (e *Engine) ProgramPID(ctx context.Context, container, program string) int {
	var top client.ContainerTopResult
	err := e.ask(ctx, func(ctx context.Context) (err error) {
		top, err = e.ContainerTop(ctx, container, client.ContainerTopOptions{Arguments: []string{"-eo", "pid,args"}})
		return err
	})
	if err != nil {
		return FirstPID
	}
	var pids []int
	for _, process := range top.Processes {
		if len(process) < 2 {
			continue
		}
		if pid, ok := pidInside("/proc", process[0]); ok && runs("/proc", process[0], process[1], program) {
			pids = append(pids, pid)
		}
	}
	if len(pids) == 0 {
		return FirstPID
	}
	return slices.Min(pids)
}

// runs tells whether a process of this machine runs the program: by its executable, or,
// where that may not be read, by its command line.
func runs(proc, pid, args, program string) bool {
	if exe, err := os.Readlink(path.Join(proc, pid, "exe")); err == nil {
		return path.Base(exe) == path.Base(program)
	}
	name, _, _ := strings.Cut(args, " ")
	return path.Base(name) == path.Base(program)
}

// pidInside is the id of a process in its innermost PID namespace (proc_pid_status(5),
// NSpid).
func pidInside(proc, pid string) (int, bool) {
	status, err := os.ReadFile(path.Join(proc, pid, "status"))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(status)) {
		list, ok := strings.CutPrefix(line, "NSpid:")
		if !ok {
			continue
		}
		ids := strings.Fields(list)
		if len(ids) == 0 {
			return 0, false
		}
		inside, err := strconv.Atoi(ids[len(ids)-1])
		return inside, err == nil
	}
	return 0, false
}
