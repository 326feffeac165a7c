package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"unsafe"
)

// report is how the program was started.
type report struct {
	Args       []string `json:"args"`
	Env        []string `json:"env"`
	Dir        string   `json:"dir"`
	Executable string   `json:"executable"`
	Comm       string   `json:"comm"`

	PID           int  `json:"pid"`
	PPID          int  `json:"ppid"`
	GroupLeader   bool `json:"groupLeader"`
	SessionLeader bool `json:"sessionLeader"`

	// Foreground is set where the program's group may read from its terminal.
	Foreground bool `json:"foreground"`

	UID    int   `json:"uid"`
	EUID   int   `json:"euid"`
	GID    int   `json:"gid"`
	EGID   int   `json:"egid"`
	Groups []int `json:"groups"`

	// Status are lines of /proc/self/status.
	Status map[string]string `json:"status"`
	Limits map[string]string `json:"limits"`
	OOM    string            `json:"oom"`

	// Files maps open file descriptors to what they are.
	Files map[int]string `json:"files"`

	// Input is what came on the standard input, where READ_STDIN is set.
	Input string `json:"input"`
}

// statusKeys are what a parent hands to its child.
var statusKeys = []string{"Umask", "Groups", "NoNewPrivs", "Seccomp", "SigBlk", "SigIgn", "ShdPnd", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}

func newReport() report {
	r := report{
		Files:         files(), // before any is opened here
		Args:          os.Args,
		Env:           slices.Sorted(slices.Values(os.Environ())),
		Executable:    or(os.Executable()),
		Dir:           or(syscall.Getwd()),
		Comm:          line("/proc/self/comm"),
		OOM:           line("/proc/self/oom_score_adj"),
		PID:           os.Getpid(),
		PPID:          os.Getppid(),
		GroupLeader:   syscall.Getpgrp() == os.Getpid(),
		SessionLeader: sessionLeader(),
		Foreground:    foreground(),
		UID:           os.Getuid(),
		EUID:          os.Geteuid(),
		GID:           os.Getgid(),
		EGID:          os.Getegid(),
		Status:        status(),
		Limits:        limits(),
	}
	r.Groups, _ = os.Getgroups()
	if os.Getenv("READ_STDIN") != "" {
		input, err := io.ReadAll(os.Stdin)
		r.Input = or(string(input), err)
	}
	return r
}

// or is the value, or the error's text.
func or(value string, err error) string {
	if err != nil {
		return err.Error()
	}
	return value
}

func line(file string) string {
	dt, err := os.ReadFile(file)
	return strings.TrimSpace(or(string(dt), err))
}

func sessionLeader() bool {
	sid, _, errno := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
	return errno == 0 && int(sid) == os.Getpid()
}

func foreground() bool {
	var group int32
	_, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, 0, syscall.TIOCGPGRP, uintptr(unsafe.Pointer(&group)))
	return errno == 0 && int(group) == syscall.Getpgrp()
}

func status() map[string]string {
	found := map[string]string{}
	for text := range strings.Lines(line("/proc/self/status")) {
		if key, value, _ := strings.Cut(text, ":"); slices.Contains(statusKeys, key) {
			found[key] = strings.TrimSpace(value)
		}
	}
	return found
}

func limits() map[string]string {
	found := map[string]string{}
	for resource := range 16 {
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(resource, &limit); err != nil {
			continue
		}
		found[fmt.Sprint(resource)] = fmt.Sprint(limit.Cur, limit.Max)
	}
	return found
}

// files are the open file descriptors: asking for their list would open one.
func files() map[int]string {
	const most = 256
	found := map[int]string{}
	for fd := range most {
		var st syscall.Stat_t
		if syscall.Fstat(fd, &st) != nil {
			continue
		}
		flags, _, _ := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
		kind := map[uint32]string{
			syscall.S_IFIFO: "pipe", syscall.S_IFCHR: "device", syscall.S_IFREG: "file", syscall.S_IFDIR: "folder", syscall.S_IFSOCK: "socket",
		}[st.Mode&syscall.S_IFMT]
		found[fd] = fmt.Sprintf("%s, access %d, nonblocking %t", kind, flags&syscall.O_ACCMODE, flags&syscall.O_NONBLOCK != 0)
	}
	return found
}
