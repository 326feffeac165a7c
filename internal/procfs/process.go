package procfs

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
	StateZombie  = 'Z'
	StateDead    = 'X'
	StateStopped = 'T' // by a signal
	StateTraced  = 't' // by its tracer
)

// Status is what /proc/PID/status says, by the kernel's own names: "PPid",
// "TracerPid", "CapPrm". It is empty if there is no such process.
type Status map[string]string

// ReadStatus reads the status of a process.
func ReadStatus(pid int) Status {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	status := Status{}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			status[name] = strings.TrimSpace(value)
		}
	}
	return status
}

// Number is a field that is one decimal number, 0 if it is missing.
func (s Status) Number(name string) int {
	n, _ := strconv.Atoi(s[name])
	return n
}

// Mask is a field that is a set of bits in hexadecimal, such as "CapPrm" and
// "SigIgn"; 0 if it is missing.
func (s Status) Mask(name string) uint64 {
	mask, _ := strconv.ParseUint(s[name], 16, 64)
	return mask
}

// Tracer is the thread that traces a process, 0 if nobody does.
func Tracer(pid int) int { return ReadStatus(pid).Number("TracerPid") }

// State is the state of a process's first thread, one letter of proc(5), 0 if
// there is no such process.
func State(pid int) byte {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	return parseState(string(data))
}

// parseState reads the field behind the process's name, which stands in
// parentheses and may itself hold any character.
func parseState(stat string) byte {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) == 0 || len(fields[0]) != 1 {
		return 0
	}
	return fields[0][0]
}

// AwaitsTracer tells whether a trap of the process's first thread has not reached its
// tracer: it is pending, or the tracer has not waited for the stop. A tracer that ends
// before leaves the trap's signal to the process. (The kernel keeps the stop's status in
// the thread's exit code until somebody waits: wait_task_stopped in kernel/exit.c.)
func AwaitsTracer(pid int) bool {
	if ReadStatus(pid).Mask("SigPnd")&(1<<(syscall.SIGTRAP-1)) != 0 {
		return true
	}
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return parseState(string(data)) == StateTraced && parseExitCode(string(data)) != 0
}

// parseExitCode reads the last field, which is 0 where it may not be known.
func parseExitCode(stat string) int {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	const first, exitCode = 3, 52 // numbers of proc(5)
	if len(fields) <= exitCode-first {
		return 0
	}
	code, _ := strconv.Atoi(fields[exitCode-first])
	return code
}

// Alive tells whether any thread of a process runs or is stopped. The first
// thread may have ended before the others.
func Alive(pid int) bool {
	switch State(pid) {
	case 0, StateDead:
		return false
	case StateZombie:
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		return slices.ContainsFunc(threads, func(name string) bool {
			data, _ := os.ReadFile(name)
			state := parseState(string(data))
			return state != 0 && state != StateZombie && state != StateDead
		})
	}
	return true
}

// Image tells the program that a process runs from the one that it runs after an
// execve, be it of the same file: its auxiliary vector has addresses that the kernel
// chooses anew each time. It is empty if that may not be asked or the process is gone.
func Image(pid int) string {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", pid))
	return string(data)
}
