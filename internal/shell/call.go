package shell

import (
	"path"
	"slices"
	"strings"
)

// Call is the call of a program, or of a command that the shell has itself. Words that
// only a run can tell are "".
type Call struct {
	// Launchers are the words of the launchers ahead of the program: "sudo -E".
	Launchers []string

	// Program is the word that names what is called, Args are those that follow.
	Program string
	Args    []string
}

// CallOf is the call that the words of a command are. It has no program where they start
// none: `env`.
func CallOf(words []string) Call {
	n := 0
	for n < len(words) {
		more := launching(words[n:])
		if more == 0 {
			return Call{Launchers: words[:n:n], Program: words[n], Args: words[n+1:]}
		}
		n += more
	}
	return Call{Launchers: words}
}

// Name is the program's base name, "" where it is not known.
func (c Call) Name() string { return c.Program[strings.LastIndexByte(c.Program, '/')+1:] }

// Command is the program with its arguments.
func (c Call) Command() []string { return append([]string{c.Program}, c.Args...) }

// Words are all that the call consists of.
func (c Call) Words() []string { return append(slices.Clip(c.Launchers), c.Command()...) }

// Starts is the word that names what the call starts, also where the shell keeps that for
// later: `set -- NAME`. It is "" where there is none.
func (c Call) Starts() string {
	for _, w := range c.Command() {
		if c.Program != "set" || w != "set" && !strings.HasPrefix(w, "-") {
			return w
		}
	}
	return ""
}

// startsNothing tells whether the call surely starts none of the programs that its
// arguments name: it removes, tests or changes files, or names them only.
func (c Call) startsNothing() bool {
	named := c.Program != "" && slices.Contains([]string{".", "/bin", "/sbin", "/usr/bin", "/usr/sbin"}, path.Dir(c.Program))
	return named && (c.Touches() || slices.Contains(preparing, c.Name()))
}

// Touches tells whether the call leaves the files that it is given what they are, or is
// given names of no files.
func (c Call) Touches() bool { return slices.Contains(touching, c.Name()) }

// IsCopy tells whether the call gives a file another name or place.
func (c Call) IsCopy() bool { return slices.Contains(copiers, c.Name()) }

// Harmless tells whether the call never starts a compiler and never leads to one.
func (c Call) Harmless() bool {
	subcommands, some := harmlessCalls[c.Name()]
	return slices.Contains(harmless, c.Name()) || some && (subcommands == nil || len(c.Args) > 0 && slices.Contains(subcommands, c.Args[0]))
}

// IsGo tells whether the call is one of the go command, also as golang.org/dl and version
// managers install it.
func (c Call) IsGo() bool {
	name := c.Name()
	return name == "go" || strings.HasPrefix(name, "go1.") || name == "xx-go"
}

// MayCompile says why the call may start the Go compiler, "" where it surely does not.
func (c Call) MayCompile() string {
	switch {
	case c.Program == "":
		return "runs a command that is known only when it runs"
	case c.IsGo():
		return c.compilesByGo()
	case c.Harmless():
		return ""
	}
	return "runs " + c.Name()
}

// compilesByGo says why a call of the go command may compile programs.
func (c Call) compilesByGo() string {
	args := c.Args
	for len(args) > 1 && args[0] == "-C" {
		args = args[2:]
	}
	switch {
	case len(args) == 0 || slices.Contains(notCompiling, args[0]):
		return ""
	case args[0] == "":
		return "runs go"
	}
	return "runs go " + args[0]
}

// Foreign tells whether the call is one of another language's tool. Such a tool could
// start the go command, but does not in practice.
func (c Call) Foreign() bool { return slices.Contains(foreign, c.Name()) }

// removesPackages tells whether the call is one of a package manager that removes packages.
func (c Call) removesPackages() bool {
	return slices.Contains(packageManagers, c.Name()) && slices.ContainsFunc(c.Args, func(w string) bool {
		return slices.Contains([]string{"--purge", "--remove", "-P", "-r", "autoremove", "del", "erase", "purge", "remove", "rm"}, w)
	})
}

// looksAtSize tells whether the call tells sizes of files.
func (c Call) looksAtSize() bool {
	has := func(options ...string) bool {
		return slices.ContainsFunc(c.Args, func(w string) bool { return slices.Contains(options, w) })
	}
	switch c.Name() {
	case "stat", "du":
		return true
	case "wc":
		return has("-c", "--bytes")
	case "find":
		return has("-size")
	case "ls":
		return slices.ContainsFunc(c.Args, func(w string) bool {
			return len(w) > 1 && w[0] == '-' && w[1] != '-' && strings.ContainsAny(w, "ls")
		})
	}
	return false
}
