// Target is the program that the tests of package sidecar attach to. It prints a
// growing number until it is killed; with the argument "parent" beside a child that does
// the same, and with "end" only until its stdin is closed.
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
	case os.Args[1] == "end":
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(3)
		}()
	}
	for n := 0; ; n = work(n) {
		fmt.Println(n)
		time.Sleep(10 * time.Millisecond)
	}
}
