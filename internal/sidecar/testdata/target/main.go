// Target is the program that the tests of package sidecar attach to. It prints a
// growing number until it is killed; with the argument "parent" beside a child that does
// the same, and with "end" or "panic" only until its stdin is closed. With "two" another
// goroutine works too.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// work is where the tests set their breakpoint.
//
//go:noinline
func work(n int) int {
	return n + 1 // the line
}

// other is work of another goroutine.
//
//go:noinline
func other(n int) int {
	return n + 1
}

func main() {
	switch {
	case len(os.Args) < 2:
	case os.Args[1] == "parent":
		// The tests kill this process. The kernel ties the signal to the thread.
		runtime.LockOSThread()
		child := exec.Command("/proc/self/exe")
		child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := child.Start(); err != nil {
			panic(err)
		}
		fmt.Println("child", child.Process.Pid)
		defer func() { _ = child.Process.Kill() }()
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	case os.Args[1] == "panic":
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			panic("as in production")
		}()
	case os.Args[1] == "end":
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(3)
		}()
	}
	if len(os.Args) > 1 && os.Args[1] == "two" {
		go func() {
			for n := 0; ; n = other(n) {
				time.Sleep(time.Millisecond)
			}
		}()
	}
	for n := 0; ; n = work(n) {
		fmt.Println(n)
		time.Sleep(10 * time.Millisecond)
	}
}
