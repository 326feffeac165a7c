// Package shim is the program that stands for the go command in instrumented
// compile steps. It edits the flags of calls that compile programs to keep, so
// that the programs can be debugged, and leaves a record of what was compiled
// with the sources that it was compiled from. Every other call goes to the real
// go at once, as it is.
//
// A build never fails because of this program: calls that it doesn't understand
// are run untouched, and where the record can't be written, the build's result
// stands.
package shim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/layout"
)

// Exit codes of a shell for programs that it can't start.
const (
	exitCannotStart = 126
	exitNotFound    = 127
)

// Step is the compile step around one call: where things stand in it, and what
// the call was given.
type Step struct {
	// Bin, Real, Capture and GoCache are the paths that layout names.
	Bin, Real, Capture, GoCache string

	// Mode is the file that layout names.
	Mode string

	// Mountinfo is the kernel's table of mounts, in the format of
	// /proc/self/mountinfo.
	Mountinfo string

	// Executable is the absolute path at which this program was started, and
	// Name its argv[0].
	Executable string
	Name       string

	Env                   []string
	Stdin, Stdout, Stderr *os.File
}

// Main runs the go command of the step that this process is in. args is os.Args.
// It returns the exit code, or never, where the real go took this process over.
func Main(ctx context.Context, args []string) int {
	step, err := currentStep(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "go: %v\n", err)
		return exitCannotStart
	}
	return step.Run(ctx, args[1:])
}

func currentStep(args []string) (Step, error) {
	if len(args) == 0 {
		return Step{}, errors.New("started without a name")
	}
	// The kernel's answer is the mount point, whatever name led to it.
	executable, err := os.Executable()
	if err != nil {
		return Step{}, fmt.Errorf("finding the path of this program: %w", err)
	}
	return Step{
		Bin:        layout.Bin,
		Real:       layout.Real,
		Capture:    layout.Capture,
		GoCache:    layout.GoCache,
		Mode:       layout.Mode,
		Mountinfo:  "/proc/self/mountinfo",
		Executable: executable,
		Name:       args[0],
		Env:        os.Environ(),
		Stdin:      os.Stdin,
		Stdout:     os.Stdout,
		Stderr:     os.Stderr,
	}, nil
}

// Run does what the go command would do with args, the words after its name,
// and returns its exit code. Where nothing is left to do after the real go, that
// replaces this process.
func (s Step) Run(ctx context.Context, args []string) int {
	if len(args) > 1 && args[0] == toolexecMark {
		return s.toolexec(args[1:])
	}
	if len(args) > 1 && args[0] == execMark {
		return s.execProgram(args[1:])
	}
	if filepath.Base(s.Name) == remover {
		return s.remove(args)
	}
	if t, ok := s.stripperOf(); ok {
		return s.strip(t, args)
	}
	tc, err := s.findToolchain()
	if err != nil {
		s.say(filepath.Base(s.Name) + ": not found\n")
		return exitNotFound
	}
	env := tc.environ(s.Env)
	if words, done := s.cleanCall(ctx, tc, env, args); done {
		return 0
	} else if words != nil {
		return s.exec(tc, words, env)
	}
	env = s.cachedEnviron(env, args)
	if words := s.runCall(ctx, tc, env, args); words != nil {
		return s.exec(tc, words, env)
	}

	c, ok := parseCall(args)
	if !ok {
		return s.exec(tc, args, env)
	}
	f, err := s.readFacts(ctx, tc, c.chdir, env)
	if err != nil {
		return s.exec(tc, args, env)
	}
	m := readMode(s.Mode)
	r, err := rewriteCall(m.edits(s.Executable), c, f.GOFLAGS, f.minor())
	if err != nil {
		return s.exec(tc, args, env)
	}
	env = buildEnviron(env, r, m)
	if !isDir(s.Capture) {
		return s.exec(tc, r.args, env)
	}
	b := build{step: s, mode: m, toolchain: tc, call: c, rewrite: r, facts: f, env: env, before: args}
	return b.run(ctx)
}

// buildEnviron is the environment of an edited call.
func buildEnviron(env environ, r rewrite, m mode) environ {
	if r.goflagsChanged {
		env = env.override("GOFLAGS", r.goflags)
	}
	if !m.unstrips() {
		return env
	}
	// With external linking these flags reach the host's linker, like -extldflags.
	if flags, changed := editHostFlags(env.setting("CGO_LDFLAGS")); changed {
		env = env.override("CGO_LDFLAGS", flags)
	}
	return env
}

// exec replaces this process by the real go. It returns only if that fails.
func (s Step) exec(tc toolchain, args []string, env environ) int {
	err := syscall.Exec(tc.path, append([]string{s.Name}, args...), env)
	s.say(fmt.Sprintf("%s: starting %s: %v\n", filepath.Base(s.Name), tc.path, err))
	return exitCannotStart
}

// say writes to standard error. Where that fails, nobody is left to be told.
func (s Step) say(message string) {
	_, _ = s.Stderr.WriteString(message)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
