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

	// instead says that a debug image in its place helps.
	instead bool
}

// advice is what helps where a target runs.
type advice struct {
	// instead is how a debug image runs in its place.
	instead string

	// reasons are what can forbid to attach, line by line.
	reasons string

	// local says that the kernel may be this machine's.
	local bool
}

var (
	onEngine = advice{"run a debug image in its place with --replace", engineReasons, true}
	inPod    = advice{"run a debug image in its place with `dlvgen kube`", podReasons, false}
)

// fromLogs are what is known of a debugger that failed. The texts are those of internal/sidecar
// and of Delve (pkg/proc/native, pkg/proc/gdbserial). The first that matches counts.
var fromLogs = []said{
	{"processes match: ", "several processes of %s may be meant: choose one with --pid", false},
	{"no process matches ", "%s has no such process: choose another with --pid or --program", false},
	{"and no process is a Go program", "%s runs no Go program: Delve debugs Go programs only", false},
	{"and no process runs it", "the symbols of the debug image are of another program than %s runs: choose a process with --pid, or another debug image with --image", false},
	{"is not the build that this image's symbols are for", "the symbols of the debug image are of another build than %s runs", false},
	{"is already traced by process", "the program of %s has a debugger already: connect to that one, or end it", false},
	{"because the PID namespace is not shared", "the debugger does not see the processes of %s: its runtime keeps them to itself", true},
	{"not a Go program", "the process of %s is no Go program: choose another with --pid or --program", false},
	{"no debug information", "the program of %s has no symbols, and the debug image has none for it: build the sidecar of its image", false},
	{"address already in use", "the port of the debugger is taken in the network of %s: build the debug image with --listen :PORT", false},
}

// explain makes a readable error of what a debugger printed that has ended.
func (a advice) explain(target, logs string, code int) error {
	detail := visible.Lines(strings.TrimSpace(logs))
	for _, one := range fromLogs {
		if strings.Contains(logs, one.part) {
			line := fmt.Sprintf(one.line, target)
			if one.instead {
				line += "; " + a.instead
			}
			return &Problem{Line: line, Detail: detail}
		}
	}
	switch {
	case mentions(logs, "function not implemented"):
		return &Problem{Line: fmt.Sprintf("the processor of %s is emulated, and the emulation has no ptrace: run it on a machine of its platform", target), Detail: detail}
	case mayNotAttach(logs):
		return a.forbidden(target, detail)
	}
	return &Problem{Line: fmt.Sprintf("the debugger of %s has ended with exit code %d", target, code), Detail: detail}
}

// mayNotAttach tells whether a debugger printed that the kernel refused it. Delve says so in
// three ways (service/debugger/debugger_linux.go), the last also where the user is not the cause.
func mayNotAttach(logs string) bool {
	return mentions(logs, "operation not permitted", "permission denied", "cannot be inspected", "ptrace_scope", "does not own the process")
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

const engineReasons = `
What can forbid it, though the debugger has the capability SYS_PTRACE and runs as root:
  yama             cat /proc/sys/kernel/yama/ptrace_scope has 3: set it to 1 in /etc/sysctl.d and restart the machine
  seccomp          a profile of Docker Engine without ptrace: see "seccomp-profile" in daemon.json
  AppArmor         a profile of the container that no other one may trace: run it with the default profile
  user namespaces  the container runs in another one than the debugger: see "userns-remap" in daemon.json
  gVisor           its containers cannot be attached to from others: use --replace`

const podReasons = `
What can forbid it:
  yama          /proc/sys/kernel/yama/ptrace_scope of the node: 3 forbids it to all; 1 and 2 to debuggers that are not root, where --user 0 helps if the pod may run as root
  capabilities  as another user than the program, the debugger needs SYS_PTRACE and must be root: --user 0, or --user UID:GID of the program
  seccomp       a profile of the pod or its node without ptrace
  AppArmor      a profile of the container that no other one may trace
  runtime       gVisor and Kata keep processes to themselves`

// forbidden says why nobody may attach, as far as this machine tells.
func (a advice) forbidden(target, detail string) error {
	if scope, err := os.ReadFile(ptraceScope); a.local && err == nil && strings.TrimSpace(string(scope)) == "3" {
		return &Problem{
			Line:   fmt.Sprintf("the kernel forbids to attach to %s: %s is 3 (no process may): set kernel.yama.ptrace_scope to 1 in /etc/sysctl.d and restart the machine, or use --replace", target, ptraceScope),
			Detail: detail,
		}
	}
	return &Problem{
		Line:   fmt.Sprintf("the kernel forbids the debugger to attach to the program of %s: see what can forbid it below, or %s", target, a.instead),
		Detail: detail + "\n" + a.reasons,
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
