//go:build !linux

package testenv

import (
	"errors"
	"io/fs"
	"os/exec"
	"time"
)

// The real parts of tests run on Linux only. Elsewhere their packages compile, so that
// tests can be checked there.

func diesWithThread(*exec.Cmd) {}

func changeRoot(*exec.Cmd, string) {}

func lives(int) bool { return true }

func processorTime(int) (time.Duration, error) { return 0, errors.ErrUnsupported }

func unmount(string) error { return errors.ErrUnsupported }

func changed(fs.FileInfo) time.Time { return time.Time{} }

func inodeOf(fs.FileInfo) (inode, bool) { return inode{}, false }
