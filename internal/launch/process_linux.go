package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Process states of /proc/PID/stat (proc(5)).
const (
	stateZombie  = 'Z'
	stateDead    = 'X'
	stateStopped = 'T' // by a signal
	stateTraced  = 't' // by its tracer
)

// tracee finds the program that the process delve has started and traces, 0 if
// there is none (yet). Delve's telemetry process is not traced; nor is the
// program's own offspring a child of Delve.
func tracee(delve int) int {
	for _, pid := range children(delve) {
		status := readStatus(pid)
		if status["PPid"] != strconv.Itoa(delve) || status["TracerPid"] == "0" {
			continue
		}
		// The kernel names the tracing thread.
		if _, err := os.Stat(fmt.Sprintf("/proc/%d/task/%s", delve, status["TracerPid"])); err != nil {
			continue
		}
		if !sameProgram(pid, delve) { // Forked, but has not yet become the program.
			return pid
		}
	}
	return 0
}

// children lists the children of a process, from /proc/PID/task/TID/children
// where the kernel has it (CONFIG_PROC_CHILDREN), else all processes there are.
func children(pid int) []int {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if len(lists) == 0 {
		names, _ := filepath.Glob("/proc/[0-9]*")
		return parsePids(names)
	}
	var pids []int
	for _, list := range lists {
		data, _ := os.ReadFile(list)
		pids = append(pids, parsePids(strings.Fields(string(data)))...)
	}
	return pids
}

func parsePids(names []string) []int {
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(filepath.Base(name)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// readStatus reads /proc/PID/status; empty if the process is gone.
func readStatus(pid int) map[string]string {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	status := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			status[name] = strings.TrimSpace(value)
		}
	}
	return status
}

// sameProgram tells whether two processes run the same file. If that cannot be
// read (a program may forbid it), they do not.
func sameProgram(a, b int) bool {
	fileA, errA := os.Stat(fmt.Sprintf("/proc/%d/exe", a))
	fileB, errB := os.Stat(fmt.Sprintf("/proc/%d/exe", b))
	return errA == nil && errB == nil && os.SameFile(fileA, fileB)
}

// stat is what init reads of /proc/PID/stat.
type stat struct {
	// state is 0 if there is no such process.
	state byte

	// status is the exit status of a zombie. The kernel shows 0 to those who may
	// not trace the process, so 0 says nothing.
	status syscall.WaitStatus
}

func readStat(pid int) stat {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}
	}
	return parseStat(string(data))
}

// parseStat reads the fields behind the process's name, which stands in
// parentheses and may itself hold any character.
func parseStat(line string) stat {
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	const exitCode = 52 - 3 // Numbered from 1 in proc(5); two fields are cut off.
	if len(fields) == 0 || len(fields[0]) != 1 {
		return stat{}
	}
	s := stat{state: fields[0][0]}
	if len(fields) > exitCode {
		if code, err := strconv.ParseUint(fields[exitCode], 10, 32); err == nil {
			s.status = syscall.WaitStatus(code)
		}
	}
	return s
}

// alive tells whether any thread of a process runs or is stopped. The first
// thread may have ended before the others.
func alive(pid int) bool {
	switch readStat(pid).state {
	case 0, stateDead:
		return false
	case stateZombie:
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		return slices.ContainsFunc(threads, func(name string) bool {
			data, _ := os.ReadFile(name)
			state := parseStat(string(data)).state
			return state != 0 && state != stateZombie && state != stateDead
		})
	}
	return true
}

// exitCode is the code that container runtimes give to a wait status.
func exitCode(status syscall.WaitStatus) int {
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}
