// Target is the program under the debugger in the tests of package launch. Its
// first argument says what it does.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		report()
		return
	}
	switch os.Args[1] {
	case "serve":
		serve()
	case "wait": // Without a handler of its own.
		fmt.Println("pid", os.Getpid())
		for {
			beat()
		}
	case "last":
		last()
	case "exit":
		code, _ := strconv.Atoi(os.Args[2])
		os.Exit(code)
	case "panic":
		panic("on purpose")
	case "exec": // The rest of the words is what it becomes, after a while.
		for range 100 {
			beat()
		}
		panic(syscall.Exec(os.Args[2], os.Args[2:], os.Environ()))
	case "orphans":
		orphans()
	case "parent":
		child := exec.Command(os.Args[0], "child")
		if err := child.Start(); err != nil {
			panic(err)
		}
		fmt.Println(child.Process.Pid)
	case "child":
		time.Sleep(50 * time.Millisecond)
	default:
		report()
	}
}

// serve beats until SIGTERM and then exits with code 7.
func serve() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGHUP, syscall.SIGWINCH, syscall.SIGCONT)
	fmt.Println("pid", os.Getpid())
	for {
		select {
		case sig := <-signals:
			fmt.Println("got", sig)
			if sig == syscall.SIGTERM {
				os.Exit(7)
			}
		default:
			beat()
		}
	}
}

// last beats once and sleeps in one line, until SIGTERM ends it with code 7.
func last() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM)
	go func() {
		fmt.Println("got", <-signals)
		os.Exit(7)
	}()
	fmt.Println("pid", os.Getpid())
	beat()
	time.Sleep(time.Hour)
}

var beats int

// beat is where the tests set their breakpoint.
func beat() {
	beats++
	time.Sleep(5 * time.Millisecond)
}

// orphans starts processes whose parents end at once, waits until somebody has
// reaped each, and goes on.
func orphans() {
	for range 5 {
		out, err := exec.Command(os.Args[0], "parent").Output()
		if err != nil {
			panic(err)
		}
		for err == nil {
			time.Sleep(5 * time.Millisecond)
			_, err = os.Stat("/proc/" + strings.TrimSpace(string(out)))
		}
		fmt.Println("orphan reaped")
	}
	serve()
}

// report prints what the program was started with, as JSON.
func report() {
	dir, _ := os.Getwd()
	umask := syscall.Umask(0)
	fds, _ := filepath.Glob("/proc/self/fd/*")
	var files []string
	for _, fd := range fds {
		// Go's own files are closed on execve.
		n, _ := strconv.Atoi(filepath.Base(fd))
		flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(n), syscall.F_GETFD, 0)
		if errno == 0 && flags&syscall.FD_CLOEXEC == 0 {
			files = append(files, filepath.Base(fd))
		}
	}
	status, _ := os.ReadFile("/proc/self/status")
	kept := []string{}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "Sig") && !strings.HasPrefix(line, "SigQ") || strings.HasPrefix(line, "Cap") || strings.HasPrefix(line, "NoNewPrivs") {
			kept = append(kept, strings.TrimSpace(line))
		}
	}
	input, _ := io.ReadAll(os.Stdin)
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{
		"args": os.Args, "env": os.Environ(), "dir": dir, "umask": umask, "files": files,
		"status": kept, "input": string(input), "leader": syscall.Getpgrp() == os.Getpid(),
	})
}
