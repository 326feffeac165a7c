package shim

import (
	"context"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/shim/environ"
	"github.com/dlvgen/dlvgen/internal/shim/gocall"
	"github.com/dlvgen/dlvgen/internal/shim/mounts"
	"github.com/dlvgen/dlvgen/internal/shim/record"
	"github.com/dlvgen/dlvgen/internal/shim/step"
	"github.com/dlvgen/dlvgen/internal/shim/toolchain"
)

// goCommand is a call of the go command in a step.
type goCommand struct {
	gocall.Command
	step      step.Step
	toolchain toolchain.Toolchain
	env       environ.Environ
	args      []string

	// facts asks the toolchain once.
	facts func() (toolchain.Facts, error)
}

func newGoCommand(ctx context.Context, s step.Step, tc toolchain.Toolchain, env environ.Environ, command gocall.Command, args []string) goCommand {
	facts := sync.OnceValues(func() (toolchain.Facts, error) { return tc.Facts(ctx, s, command.Chdir, env) })
	return goCommand{Command: command, step: s, toolchain: tc, env: env, args: args, facts: facts}
}

// callGo runs a call of the go command.
func callGo(ctx context.Context, s step.Step, args []string) int {
	tc, err := toolchain.Find(s)
	if err != nil {
		return s.NotFound()
	}
	command, _ := gocall.Cut(args) // where it has no subcommand, the real go says so
	g := newGoCommand(ctx, s, tc, toolchain.WithCache(s, tc.Environ(s.Env), command.Subcommand), command, args)
	if call, ok := gocall.Parse(command); ok {
		return g.build(ctx, call)
	}
	if call, ok := gocall.ParseUnkept(command); ok {
		if code, ended := g.unkept(ctx, call); ended {
			return code
		}
	}
	args, done := g.edited()
	if done {
		return 0
	}
	return s.Exec(tc.Path, args, g.env)
}

// edited is what is to be run of a call that compiles nothing to keep; done says that
// nothing is.
func (g goCommand) edited() (args []string, done bool) {
	switch g.Subcommand {
	case "clean":
		return g.clean()
	case "run":
		return g.run(), false
	}
	return g.args, false
}

// unkept compiles ahead for a call that keeps nothing of what it compiles.
func (g goCommand) unkept(ctx context.Context, call gocall.Call) (code int, ended bool) {
	if g.env.Get("GOCACHE") != g.step.GoCache {
		return 0, false
	}
	facts, err := g.facts()
	if err != nil {
		return 0, false
	}
	r, ok := call.AsItIs(facts.GOFLAGS, facts.Minor())
	if !ok {
		return 0, false
	}
	return g.compileAhead(ctx, call, r, facts)
}

// clean handles `go clean -modcache` in a step where the module cache is a mount of ours.
// The real go removes the folder itself, which fails on a mount point, and the step with
// it; in production, where there is no mount, it succeeds. So the flag is left out.
func (g goCommand) clean() (args []string, done bool) {
	left, asked := g.WithoutModcache()
	if !asked {
		return g.args, false
	}
	facts, err := g.facts()
	if err != nil {
		return g.args, false
	}
	points, err := mounts.ReadPoints(g.step.Mountinfo, g.step.Real)
	if err != nil || !points.IsOwn(facts.GOMODCACHE) {
		return g.args, false
	}
	return left, left == nil
}

// run returns the command line of a `go run`, which go.mod or GOTOOLCHAIN may make
// switch to another toolchain. Such a go puts the bin folder of a toolchain that nobody
// mounted this program over first in the PATH of what it runs, and a build.go that calls
// go build would find that one. With -exec the program starts with this one's folder
// ahead of it.
func (g goCommand) run() []string {
	f, err := g.facts()
	if err != nil || f.GOROOT == "" || step.SameProgram(g.step.Executable, filepath.Join(f.GOROOT, "bin", "go")) {
		return g.args
	}
	return g.WithExec(filepath.Join(g.step.Bin, "go"))
}

// execProgram starts a program with this one's folder first in PATH. It returns only
// if that fails.
func execProgram(s step.Step, words []string) int {
	env := s.Env.With("PATH", s.Bin+string(filepath.ListSeparator)+s.Env.Get("PATH"))
	return s.CannotStart(words[0], syscall.Exec(words[0], words, env))
}

// build runs a call that compiles programs to keep, edited and recorded. It returns the exit
// code of the real go, whatever becomes of the record.
func (g goCommand) build(ctx context.Context, call gocall.Call) int {
	path := g.toolchain.Path
	facts, err := g.facts()
	if err != nil {
		return g.step.Exec(path, g.args, g.env)
	}
	edited, ok := call.Rewrite(gocall.ReadMode(g.step.Mode), g.step.Executable, facts.GOFLAGS, facts.Minor())
	if !ok {
		return g.step.Exec(path, g.args, g.env)
	}
	if code, ended := g.compileAhead(ctx, call, edited, facts); ended {
		return code
	}
	env := edited.Environ(g.env)
	build := record.Build{Step: g.step, Toolchain: g.toolchain, Call: call, Rewrite: edited, Facts: facts, Env: env, Before: g.args}
	recording, err := build.Begin(ctx)
	if err != nil {
		return g.step.Exec(path, edited.Args, env)
	}
	code := g.step.Child(path, edited.Args, env)
	if code == 0 {
		code = recording.CompileTests(ctx)
	}
	if code != 0 {
		recording.Discard()
		toolchain.ExplainFailure(g.step, env)
		return code
	}
	recording.Write(ctx)
	return 0
}
