package shim

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"syscall"
)

// execMark is the first word of a call of this program as -exec of go run. The
// program and its arguments follow.
const execMark = "dlvgen-exec"

// runCall returns the command line of a `go run` that go.mod or GOTOOLCHAIN makes
// switch to another toolchain; nil for every other call. Such a go puts the bin
// folder of a toolchain that nobody mounted this program over first in the PATH of
// what it runs, and a build.go that calls go build would find that one. With -exec
// the program starts with this one's folder ahead of it. A -exec of the user's own
// wins.
func (s Step) runCall(ctx context.Context, tc toolchain, env environ, words []string) []string {
	chdir, rest, ok := cutChdir(words)
	if !ok || len(rest) == 0 || rest[0] != "run" {
		return nil
	}
	rest = rest[1:]
	if chdir == "" {
		if chdir, rest, ok = cutChdir(rest); !ok {
			return nil
		}
	}
	f, err := s.readFacts(ctx, tc, chdir, env)
	if err != nil || f.GOROOT == "" || sameProgram(s.Executable, filepath.Join(f.GOROOT, "bin", "go")) {
		return nil
	}
	head := words[:len(words)-len(rest)]
	return slices.Concat(head, []string{fmt.Sprintf("-exec='%s' %s", filepath.Join(s.Bin, "go"), execMark)}, rest)
}

// execProgram starts a program with this one's folder first in PATH. It returns only
// if that fails.
func (s Step) execProgram(words []string) int {
	env := environ(s.Env)
	env = env.with("PATH", s.Bin+string(filepath.ListSeparator)+env.get("PATH"))
	err := syscall.Exec(words[0], words, env)
	s.say(fmt.Sprintf("go: starting %s: %v\n", words[0], err))
	return exitCannotStart
}
