package testenv

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// diesWithThread makes a command the leader of a process group, and ends it with the
// thread that started it.
func diesWithThread(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// changeRoot makes a folder the root of a command.
func changeRoot(cmd *exec.Cmd, dir string) { cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir} }

// lives says whether there is a process of that id.
func lives(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// processorTime is what a process has taken, and its children that have ended with theirs.
func processorTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name in parentheses may hold anything; utime, stime, cutime and cstime are the
	// fields 14 to 17, in hundredths of a second.
	_, rest, _ := strings.Cut(string(text[bytes.LastIndexByte(text, ')')+1:]), " ")
	fields := strings.Fields(rest)
	sum := time.Duration(0)
	for _, field := range fields[11:15] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, fmt.Errorf("reading the times of process %d: %w", pid, err)
		}
		sum += time.Duration(n) * 10 * time.Millisecond
	}
	return sum, nil
}

// unmount unmounts a folder on which something may be mounted.
func unmount(dir string) error {
	if err := syscall.Unmount(dir, syscall.MNT_DETACH); !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// changed is when a file's content or attributes were last written.
func changed(info fs.FileInfo) time.Time {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(stat.Ctim.Unix())
	}
	return time.Time{}
}

// inodeOf is the inode of a file that has more than one name.
func inodeOf(info fs.FileInfo) (inode, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Nlink < 2 {
		return inode{}, false
	}
	return inode{stat.Dev, stat.Ino}, true
}
