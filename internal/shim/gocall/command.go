// Package gocall reads calls of the go command: what they ask for, and how their
// arguments and GOFLAGS change so that what they compile can be debugged. The values
// that they link in are hidden where a call is told.
package gocall

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/toolflags"
)

// Command is the front of a command line without the program's name: its subcommand
// and -C.
type Command struct {
	Subcommand string

	// Chdir is the value of -C, "" without.
	Chdir string

	// head holds the words up to the subcommand and -C, rest those that follow.
	head, rest []string
}

// Cut reads the front of a command line. It is false where there is no subcommand, or
// where -C has no value, which the real go answers with an error.
func Cut(words []string) (Command, bool) {
	chdir, rest, ok := cutChdir(words)
	if !ok || len(rest) == 0 {
		return Command{}, false
	}
	c := Command{Subcommand: rest[0]}
	if rest = rest[1:]; chdir == "" {
		if chdir, rest, ok = cutChdir(rest); !ok {
			return Command{}, false
		}
	}
	c.Chdir, c.head, c.rest = chdir, words[:len(words)-len(rest)], rest
	return c, true
}

// cutChdir takes -C off the front of words, where alone it may stand
// (handleChdirFlag in cmd/go/main.go).
func cutChdir(words []string) (dir string, rest []string, ok bool) {
	if len(words) == 0 {
		return "", words, true
	}
	name, value, hasValue, isFlag := toolflags.CutFlag(words[0])
	switch {
	case !isFlag || name != "C":
		return "", words, true
	case hasValue:
		return value, words[1:], value != ""
	case len(words) < 2:
		return "", nil, false
	}
	return words[1], words[2:], words[1] != ""
}

// cleanBools are the flags of go clean that choose what it removes instead of a
// package's files.
var cleanBools = toolflags.Names("cache fuzzcache testcache")

// WithoutModcache is the command line of `go clean` without -modcache, nil where that was
// all. asked is false for a call without that flag.
func (c Command) WithoutModcache() (words []string, asked bool) {
	if !slices.ContainsFunc(c.rest, isModcacheFlag) {
		return nil, false
	}
	// Without a word on what to remove, go clean removes the package's files.
	for _, word := range c.rest {
		name, _, _, isFlag := toolflags.CutFlag(word)
		if cleanBools[name] || !isFlag {
			return slices.Concat(c.head, slices.DeleteFunc(slices.Clone(c.rest), isModcacheFlag)), true
		}
	}
	return nil, true
}

func isModcacheFlag(word string) bool {
	name, value, hasValue, ok := toolflags.CutFlag(word)
	return ok && name == "modcache" && flag{name: name, value: value, hasValue: hasValue}.on()
}

// ExecMark is the first word of a call of this program as -exec of go run. The
// program and its arguments follow.
const ExecMark = "dlvgen-exec"

// WithExec is the command line of `go run` with a program of that path as -exec. A
// -exec of the user's own wins.
func (c Command) WithExec(executable string) []string {
	return slices.Concat(c.head, []string{fmt.Sprintf("-exec='%s' %s", executable, ExecMark)}, c.rest)
}

// RunCall is a command line of `go run`.
type RunCall struct {
	// Flags are the build flags with their values, as they stand.
	Flags []string

	// Packages is the package, or the Go files, that the program is compiled from.
	Packages []string

	// Args are the program's.
	Args []string

	// Elsewhere is set where -C runs it in another folder, Exec where -exec starts
	// another program.
	Elsewhere, Exec bool
}

// ParseRun reads the words that follow `go`. It is false for another subcommand, and for
// what the real go answers with an error.
func ParseRun(words []string) (RunCall, bool) {
	command, ok := Cut(words)
	c := Call{Command: command}
	if !ok || c.Subcommand != "run" || !c.parseBuild(c.rest) || len(c.Packages) == 0 {
		return RunCall{}, false
	}
	r := RunCall{Elsewhere: c.Chdir != ""}
	for _, a := range c.args {
		if a.flag != nil {
			r.Flags = append(r.Flags, a.words...)
			r.Exec = r.Exec || a.flag.name == "exec"
		}
	}
	r.Packages, r.Args = cutProgram(c.Packages)
	return r, true
}

// cutProgram parts the words of `go run` that follow its flags, one or more: files as far as
// there are any, else one package (runRun in cmd/go/internal/run), and the program's arguments.
func cutProgram(words []string) (packages, args []string) {
	n := 0
	for n < len(words) && strings.HasSuffix(words[n], ".go") {
		n++
	}
	n = max(n, 1)
	return words[:n], words[n:]
}
