package gocall

import (
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/environ"
	"github.com/dlvgen/dlvgen/internal/shim/link"
	"github.com/dlvgen/dlvgen/internal/shim/toolflags"
)

// rewritten are the flags that are edited for debugging.
var rewritten = toolflags.Names("a asmflags gcflags ldflags pgo trimpath")

// Rewrite is a call as it is to be run.
type Rewrite struct {
	Args []string

	// Goflags is the value of GOFLAGS to run it with, goflagsChanged whether it differs
	// from the one in effect.
	Goflags        string
	goflagsChanged bool

	// Flags are the user's, those of GOFLAGS first.
	Flags Flags

	Mode Mode

	added   []string        // flags that take the place of the user's
	dropped map[string]bool // the names of those
}

// Rewrite makes a mode's edits to a call, given this program's own path, GOFLAGS in effect
// and the minor version of Go. It is false for a call that must be run untouched: the real
// go refuses it, only prints it (-n), or compiles with gccgo.
func (c *Call) Rewrite(m Mode, executable, goflags string, minor int) (Rewrite, bool) {
	g, ok := parseGoflags(goflags, minor)
	if !ok {
		return Rewrite{}, false
	}
	flags := append(slices.Clone(g.flags), c.flags()...)
	if flags.IsOn("n") || flags.Last("compiler") == "gccgo" {
		return Rewrite{}, false
	}
	drop, add, err := m.edits(executable, flags, minor)
	if err != nil {
		return Rewrite{}, false
	}
	r := Rewrite{Args: c.edited(drop, add), Flags: flags, Goflags: goflags, Mode: m, added: add, dropped: drop}
	if slices.ContainsFunc(g.flags, func(f flag) bool { return drop[f.name] }) {
		r.Goflags = g.without(drop)
		r.goflagsChanged = true
	}
	return r, true
}

// Environ is the environment to run it in.
func (r Rewrite) Environ(env environ.Environ) environ.Environ {
	if r.goflagsChanged {
		env = env.Override("GOFLAGS", r.Goflags)
	}
	if r.Mode == Symbols {
		return env
	}
	// With external linking these flags reach the host's linker, like -extldflags.
	if flags, changed := link.EditHostFlags(env.Setting("CGO_LDFLAGS")); changed {
		env = env.Override("CGO_LDFLAGS", flags)
	}
	return env
}

// editedFlags returns what takes the place of the rewritten flags. -trimpath and
// -a are gone. -pgo=off is always given from Go 1.21 on, where the default is to
// use a default.pgo beside the main package: a profile is of no use to code that
// isn't optimized, and each profile has a build cache of its own.
func editedFlags(flags Flags, minor int) ([]string, error) {
	gcflags, err1 := editGcflags(flags.values("gcflags"))
	asmflags, err2 := editAsmflags(flags.values("asmflags"))
	ldflags, err3 := link.Edit(flags.values("ldflags"))
	add := slices.Concat(gcflags, asmflags, ldflags)
	if minor >= 21 {
		add = append(add, "-pgo=off")
	}
	return add, errors.Join(err1, err2, err3)
}

// Mode is how calls are compiled, one of the texts of layout.Mode.
type Mode string

const (
	// Debug switches optimizations off and keeps debug information.
	Debug Mode = "debug"

	// Optimized keeps debug information and changes nothing else.
	Optimized Mode = "optimized"

	// Symbols changes nothing, and keeps the debug information of what is
	// linked beside it.
	Symbols Mode = "symbols"

	// production changes nothing.
	production Mode = "production"
)

// ReadMode reads the file that says how to compile; without one, for debugging.
func ReadMode(file string) Mode {
	text, err := os.ReadFile(file)
	if err != nil {
		return Debug
	}
	return Mode(strings.TrimSpace(string(text)))
}

// edits say which flags a mode takes out of a call and of GOFLAGS, and what takes their
// place on the command line, given the user's and this program's own path.
func (m Mode) edits(executable string, flags Flags, minor int) (drop map[string]bool, add []string, err error) {
	switch m {
	case Optimized:
		add, err = link.Edit(flags.values("ldflags"))
		return toolflags.Names("ldflags"), add, err
	case Symbols:
		add, err = link.ToolexecArgs(executable, flags.Last("toolexec"))
		return toolflags.Names("toolexec"), add, err
	case production:
		return nil, nil, nil
	}
	add, err = editedFlags(flags, minor)
	return rewritten, add, err
}
