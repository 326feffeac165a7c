// Target is the program under the debugger in the tests of package launch. Its
// first argument says what it does.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
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
	case "exit":
		code, _ := strconv.Atoi(os.Args[2])
		os.Exit(code)
	case "panic":
		panic("on purpose")
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
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGHUP, syscall.SIGWINCH)
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

var beats int

// beat is where the tests set their breakpoint.
func beat() {
	beats++
	time.Sleep(5 * time.Millisecond)
}

// orphans starts processes whose parents end at once, says who they are and
// goes on.
func orphans() {
	for range 5 {
		out, err := exec.Command(os.Args[0], "parent").Output()
		if err != nil {
			panic(err)
		}
		fmt.Print("orphan ", string(out))
	}
	serve()
}

// report prints what the program was started with, as JSON.
func report() {
	dir, _ := os.Getwd()
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{"args": os.Args, "env": os.Environ(), "dir": dir})
}
