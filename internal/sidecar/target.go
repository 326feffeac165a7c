package sidecar

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/internal/procfs"
)

// Remedies.
const (
	shareNamespace = "start it in the PID namespace of the container to debug: docker run --pid container:NAME --cap-add SYS_PTRACE IMAGE, or kubectl debug POD --target=CONTAINER --image=IMAGE --profile=general"
	addCapability  = "give it the capability SYS_PTRACE (docker run --cap-add SYS_PTRACE, kubectl debug --profile=general) and run it as root or as the program's user"
	nameOne        = "name one by its PID: docker run ... IMAGE PID"
)

// target finds the process to attach to. The only word of args may name it, by its
// PID, by its program's base name, or by its program's path; otherwise the plan
// decides.
func (p plan) target(args []string, list []process) (process, error) {
	if len(args) > 1 {
		return process{}, fmt.Errorf("%q are %d arguments: name one process by its PID or name, or none", args, len(args))
	}
	if len(list) == 0 {
		return process{}, errors.New("no process to attach to, because the PID namespace is not shared: " + shareNamespace)
	}
	t, err := p.choose(args, list)
	switch {
	case err != nil:
		return process{}, err
	case t.unreadable():
		return process{}, t.notInspected()
	case t.program == nil:
		return process{}, fmt.Errorf("%s cannot be debugged: %w", t, t.err)
	}
	return t, untraced(t)
}

func (p plan) choose(args []string, list []process) (process, error) {
	if len(args) == 0 {
		return p.recognize(list)
	}
	matches := named(args[0], list)
	if len(matches) == 0 {
		return process{}, fmt.Errorf("no process matches %q; the processes are%s", args[0], lines(list))
	}
	return one(matches, list)
}

// recognize finds the program that the image was made for: by its build id, else by
// its main package, else by the name of its file.
func (p plan) recognize(list []process) (process, error) {
	for _, rank := range []func(process) bool{
		func(o process) bool { return p.knows(o.program.BuildID) },
		func(o process) bool {
			return p.Program.ImportPath != "" && o.program.Info.Path == p.Program.ImportPath
		},
		func(o process) bool { return path.Base(o.exe) == path.Base(p.Program.Path) },
	} {
		var matches []process
		for _, o := range list {
			if o.program != nil && rank(o) {
				matches = append(matches, o)
			}
		}
		if len(matches) > 0 {
			return one(matches, list)
		}
	}
	return process{}, p.unknown(list)
}

// unknown says that none of the processes is the program.
func (p plan) unknown(list []process) error {
	if i := slices.IndexFunc(list, process.unreadable); i >= 0 {
		return list[i].notInspected()
	}
	programs := slices.DeleteFunc(slices.Clone(list), func(o process) bool { return o.program == nil })
	if len(programs) == 0 {
		return fmt.Errorf("%s, and no process is a Go program; the processes are%s", p.madeFor(), lines(list))
	}
	return fmt.Errorf("%s, and no process runs it: use the sidecar of the running image, or %s; the Go programs are%s",
		p.madeFor(), nameOne, lines(programs))
}

// notInspected says that the kernel does not let this process look at another one. `dlvgen
// debug` reads the user from it.
func (p process) notInspected() error {
	return fmt.Errorf("%s cannot be inspected: %s; it runs as %s, and the debugger as %s", p, addCapability, identity(p.pid), identity(os.Getpid()))
}

// identity is the effective user and group of a process, UID:GID.
func identity(pid int) string {
	status := procfs.ReadStatus(pid)
	effective := func(name string) string {
		const column = 1 // behind the real one (proc(5))
		if ids := strings.Fields(status[name]); len(ids) > column {
			return ids[column]
		}
		return "?"
	}
	return effective("Uid") + ":" + effective("Gid")
}

// named finds the processes that a word means.
func named(word string, list []process) []process {
	var matches []process
	pid, notNumber := strconv.Atoi(word)
	for _, o := range list {
		names := []string{o.exe}
		if len(o.args) > 0 {
			names = append(names, o.args[0])
		}
		is := func(name string) bool { return name == word || path.Base(name) == word }
		if notNumber == nil && o.pid == pid || notNumber != nil && slices.ContainsFunc(names, is) {
			matches = append(matches, o)
		}
	}
	return matches
}

// one leaves of several processes the one that all others come from: a program that
// starts itself again. Else it is an error that lists them.
func one(matches, list []process) (process, error) {
	top := slices.DeleteFunc(slices.Clone(matches), func(o process) bool {
		return slices.ContainsFunc(matches, func(other process) bool { return o.comesFrom(other, list) })
	})
	if len(top) == 1 {
		return top[0], nil
	}
	return process{}, fmt.Errorf("%d processes match: %s; they are%s", len(top), nameOne, lines(top))
}

// comesFrom tells whether a process has been started by another, or by one that was.
func (p process) comesFrom(other process, list []process) bool {
	for pid := p.parent; ; {
		if pid == other.pid {
			return true
		}
		i := slices.IndexFunc(list, func(o process) bool { return o.pid == pid })
		if i < 0 {
			return false
		}
		pid = list[i].parent
	}
}

// lines has a line for each process.
func lines(list []process) string {
	var b strings.Builder
	for _, o := range list {
		fmt.Fprintf(&b, "\n  %s", o)
		if o.program != nil && o.program.Info.Path != "" {
			fmt.Fprintf(&b, ", package %s", o.program.Info.Path)
		}
	}
	return b.String()
}

// untraced reports a process that has a debugger already.
func untraced(t process) error {
	tracer := procfs.Tracer(t.pid)
	if tracer == 0 {
		return nil
	}
	// Of a thread too there is a folder in /proc.
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", tracer))
	if err != nil {
		name = []byte("unknown")
	}
	return fmt.Errorf("%s is already traced by process %d (%s): connect to that debugger, or stop it",
		t, tracer, strings.TrimSpace(string(name)))
}
