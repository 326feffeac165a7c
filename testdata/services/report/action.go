package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// act does one of these, and returns where the program goes on:
//
//	exit:CODE
//	panic
//	kill:SIGNAL       a signal's number, to itself
//	exec:PATH ARG...  becomes another program
//	orphan            leaves a grandchild behind that ends at once
//	adopted           is that grandchild's parent
func act(action string) {
	verb, value, _ := strings.Cut(action, ":")
	switch verb {
	case "exit":
		os.Exit(number(value))
	case "panic":
		panic("as asked")
	case "kill":
		if err := syscall.Kill(os.Getpid(), syscall.Signal(number(value))); err != nil {
			log.Fatal(err)
		}
	case "exec":
		argv := strings.Fields(value)
		log.Fatal(syscall.Exec(argv[0], argv, withoutAction()))
	case "orphan":
		if _, err := start("adopted").Wait(); err != nil {
			log.Fatal(err)
		}
		fmt.Println(`{"orphan":"left"}`)
	case "adopted":
		start("exit:0")
		os.Exit(0)
	default:
		log.Fatalf("unknown action %q", action)
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		log.Fatal(err)
	}
	return n
}

// start starts this program again with an action.
func start(action string) *os.Process {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		log.Fatal(err)
	}
	child, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env:   append(withoutAction(), "REPORT_THEN="+action),
		Files: []*os.File{null, null, os.Stderr},
	})
	if err != nil {
		log.Fatal(err)
	}
	return child
}

func withoutAction() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "REPORT_THEN=") {
			env = append(env, e)
		}
	}
	return env
}
