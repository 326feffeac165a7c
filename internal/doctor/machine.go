package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/internal/docker"
	"github.com/dlvgen/dlvgen/variants/delve"
)

// checkMachine names the kernels, and asks for Delve on the architecture of Docker Engine.
func (d *Doctor) checkMachine(ctx context.Context) finding {
	here := runtime.GOOS + "/" + runtime.GOARCH
	if release, err := os.ReadFile(filepath.Join(d.Proc, "sys", "kernel", "osrelease")); err == nil {
		here += ", kernel " + strings.TrimSpace(string(release))
	}
	own, err := d.platform(ctx)
	if err != nil {
		return found("this machine is %s", here)
	}
	text := fmt.Sprintf("this machine is %s", here)
	if info, err := d.info(ctx); err == nil && (d.elsewhere(ctx) || own.Architecture != runtime.GOARCH || runtime.GOOS != "linux") {
		text += fmt.Sprintf("; Docker Engine's is %s/%s, kernel %s", own.OS, own.Architecture, info.KernelVersion)
	}
	if !delve.Ships(own.OS, own.Architecture) {
		return warning("build debug images for "+delve.Shipped+", and run them there", "%s, for which dlvgen has no Delve", text)
	}
	return found("%s", text)
}

// checkPtraceScope reads what Yama allows (kernel.org, admin-guide/LSM/Yama).
func (d *Doctor) checkPtraceScope(ctx context.Context) finding {
	const file = "sys/kernel/yama/ptrace_scope"
	if d.Connect != nil {
		return skipped("the pod's node has its own")
	}
	if d.elsewhere(ctx) {
		return skipped("Docker Engine runs on another machine, which has its own")
	}
	data, err := os.ReadFile(filepath.Join(d.Proc, filepath.FromSlash(file)))
	switch {
	case errors.Is(err, fs.ErrNotExist) && runtime.GOOS != "linux":
		return skipped("it is Linux's")
	case errors.Is(err, fs.ErrNotExist):
		return found("the kernel has no Yama, which would restrict ptrace")
	case err != nil:
		return warning("", "%s", err)
	}
	const set = "set kernel.yama.ptrace_scope to 1: `sysctl kernel.yama.ptrace_scope=1`, and in /etc/sysctl.d"
	switch scope := strings.TrimSpace(string(data)); scope {
	case "0":
		return found("kernel.yama.ptrace_scope is 0: a process may trace those of its user")
	case "1":
		return found("kernel.yama.ptrace_scope is 1: a debugger that did not start the program needs the capability SYS_PTRACE, which sidecars get")
	case "2":
		return warning(set+"; or give containers of remote and attach images the capability SYS_PTRACE",
			"kernel.yama.ptrace_scope is 2: only processes with the capability SYS_PTRACE may trace others")
	case "3":
		return failed("set kernel.yama.ptrace_scope to 1 in /etc/sysctl.d, and restart the machine: 3 stays until then",
			"kernel.yama.ptrace_scope is 3: no process may trace others, and no debugger works")
	default:
		return warning(set, "kernel.yama.ptrace_scope is %q, which nobody knows", scope)
	}
}

// checkPort asks whether the debugger's port of this machine is free.
func (d *Doctor) checkPort(ctx context.Context) finding {
	at := net.JoinHostPort(docker.Loopback, strconv.Itoa(d.Port))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at)
	if err != nil {
		return warning(fmt.Sprintf("publish the debugger's port as another one, such as `-p 127.0.0.1:%d:8000`; `dlvgen debug` takes a free one", d.Port+1),
			"port %d of this machine is taken", d.Port)
	}
	_ = listener.Close()
	return found("port %d of this machine is free", d.Port)
}
