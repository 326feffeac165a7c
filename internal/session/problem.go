package session

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/dlvgen/dlvgen/internal/visible"
)

// Problem is an error with a remedy on its one line, and with details.
type Problem struct {
	Line, Detail string
	Cause        error
}

func (p *Problem) Error() string { return p.Line }

// Unwrap is the error that it explains, nil for none.
func (p *Problem) Unwrap() error { return p.Cause }

// Details is what is known beyond the line.
func (p *Problem) Details() string { return p.Detail }

// said is a pattern in what a sidecar or its Delve prints, and what it means.
type said struct {
	part string
	line string // with the target's name
}

// fromLogs are what is known of a debugger that failed. The texts are those of internal/sidecar
// and of Delve (pkg/proc/native, pkg/proc/gdbserial). The first that matches counts.
var fromLogs = []said{
	{"processes match: ", "several processes of %s may be meant: choose one with --pid"},
	{"no process matches ", "%s has no such process: choose another with --pid or --program"},
	{"and no process is a Go program", "%s runs no Go program: Delve debugs Go programs only"},
	{"and no process runs it", "the symbols of the debug image are of another program than %s runs: choose a process with --pid, or another debug image with --image"},
	{"is not the build that this image's symbols are for", "the symbols of the debug image are of another build than %s runs"},
	{"is already traced by process", "the program of %s has a debugger already: connect to that one, or end it"},
	{"because the PID namespace is not shared", "the debugger does not see the processes of %s: its runtime keeps them to itself; run a debug image in its place with --replace"},
	{"not a Go program", "the process of %s is no Go program: choose another with --pid or --program"},
	{"no debug information", "the program of %s has no symbols, and the debug image has none for it: build the sidecar of its image"},
}

// explain makes a readable error of what a debugger printed that has ended.
func explain(target, logs string, code int) error {
	detail := visible.Lines(strings.TrimSpace(logs))
	for _, one := range fromLogs {
		if strings.Contains(logs, one.part) {
			return &Problem{Line: fmt.Sprintf(one.line, target), Detail: detail}
		}
	}
	switch {
	case mentions(logs, "function not implemented"):
		return &Problem{Line: fmt.Sprintf("the processor of %s is emulated, and the emulation has no ptrace: run it on a machine of its platform", target), Detail: detail}
	case mentions(logs, "operation not permitted", "permission denied", "ptrace_scope", "cannot be inspected"):
		return forbidden(target, detail)
	}
	return &Problem{Line: fmt.Sprintf("the debugger of %s has ended with exit code %d", target, code), Detail: detail}
}

func mentions(text string, parts ...string) bool {
	text = strings.ToLower(text)
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// ptraceScope is where the kernel says who may attach (kernel.org, admin-guide/LSM/Yama).
const ptraceScope = "/proc/sys/kernel/yama/ptrace_scope"

// forbidden says why nobody may attach, as far as this machine tells.
func forbidden(target, detail string) error {
	const reasons = `
What can forbid it, though the debugger has the capability SYS_PTRACE and runs as root:
  yama             cat /proc/sys/kernel/yama/ptrace_scope has 3: set it to 1 in /etc/sysctl.d and restart the machine
  seccomp          a profile of Docker Engine without ptrace: see "seccomp-profile" in daemon.json
  AppArmor         a profile of the container that no other one may trace: run it with the default profile
  user namespaces  the container runs in another one than the debugger: see "userns-remap" in daemon.json
  gVisor           its containers cannot be attached to from others: use --replace`
	if scope, err := os.ReadFile(ptraceScope); err == nil && strings.TrimSpace(string(scope)) == "3" {
		return &Problem{
			Line:   fmt.Sprintf("the kernel forbids to attach to %s: %s is 3 (no process may): set kernel.yama.ptrace_scope to 1 in /etc/sysctl.d and restart the machine, or use --replace", target, ptraceScope),
			Detail: detail,
		}
	}
	return &Problem{
		Line:   fmt.Sprintf("the kernel forbids the debugger to attach to the program of %s: see what can forbid it below, or run a debug image in its place with --replace", target),
		Detail: detail + "\n" + reasons,
	}
}

// explainStart words the engine's errors of a container that does not start.
func explainStart(err error, port int, image string) error {
	text := strings.ToLower(err.Error())
	switch {
	case mentions(text, "port is already allocated", "address already in use"):
		return &Problem{
			Line:  fmt.Sprintf("the port %d of this machine is taken: leave --port out for a free one, or name another", port),
			Cause: err, Detail: err.Error(),
		}
	case mentions(text, "exec format error"):
		return &Problem{Line: fmt.Sprintf("%s is of another platform than the machine: build it with --platform", image), Cause: err, Detail: err.Error()}
	}
	return err
}

// errNothing is a wait that ended without a result.
var errNothing = errors.New("the debugger did not answer")
