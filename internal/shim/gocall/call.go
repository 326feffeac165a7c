package gocall

import (
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/toolflags"
)

// Call is a command line that compiles programs to keep: of "build", "install", or
// "test", which comes with -c; or of "run", for ParseRun.
type Call struct {
	Command
	args []arg

	// Packages are the packages, patterns or files named.
	Packages []string
}

// arg is one or two words of a command line that belong together: a flag with
// its value, or anything else, where flag is nil.
type arg struct {
	words []string
	flag  *flag
}

// Parse reads the rest of a command line. It is false where there is nothing to edit:
// another subcommand, or what the real go answers with an error or with usage.
func Parse(c Command) (Call, bool) {
	call, ok := Call{Command: c}, false
	switch c.Subcommand {
	case "build", "install":
		ok = call.parseBuild(c.rest)
	case "test":
		ok = call.parseTest(c.rest) && call.flags().IsOn("c")
	}
	return call, ok
}

// parseBuild reads flags up to the first word that is none, as the flag package
// does.
func (c *Call) parseBuild(words []string) bool {
	for len(words) > 0 {
		if words[0] == "--" {
			c.args = append(c.args, arg{words: words[:1]})
			words = words[1:]
			break
		}
		if _, _, _, isFlag := toolflags.CutFlag(words[0]); !isFlag {
			if len(words[0]) > 1 && words[0][0] == '-' {
				return false // "---x", "-=x"
			}
			break
		}
		var ok bool
		if words, ok = c.takeFlag(words); !ok {
			return false
		}
	}
	c.Packages = words
	if len(words) > 0 {
		c.args = append(c.args, arg{words: words})
	}
	return true
}

// parseTest reads the command line of go test, in which flags stand before and
// after the packages. With -c the real go refuses flags that it doesn't know, so
// that nothing else needs to be told apart.
func (c *Call) parseTest(words []string) bool {
	closed := false
	for len(words) > 0 {
		_, _, _, isFlag := toolflags.CutFlag(words[0])
		switch {
		case words[0] == "-args" || words[0] == "--args" || words[0] == "--":
			c.args = append(c.args, arg{words: words})
			return true
		case isFlag:
			closed = len(c.Packages) > 0
			var ok bool
			if words, ok = c.takeFlag(words); !ok {
				return false
			}
		case closed:
			// Without the flags between them they would join the packages.
			c.args = append(c.args, arg{words: append([]string{"-args"}, words...)})
			return true
		default:
			c.Packages = append(c.Packages, words[0])
			c.args = append(c.args, arg{words: words[:1]})
			words = words[1:]
		}
	}
	return true
}

// takeFlag moves the flag at the front of words to c. It fails on a flag that
// this program doesn't know unless it has its value with it: whether the next
// word belongs to it can't be told.
func (c *Call) takeFlag(words []string) (rest []string, ok bool) {
	name, value, hasValue, _ := toolflags.CutFlag(words[0])
	f, n := &flag{name: name, value: value, hasValue: hasValue}, 1
	switch {
	case hasValue, c.isBool(name):
	case c.isValued(name) && len(words) > 1:
		f.value, f.hasValue, n = words[1], true, 2
	default:
		return nil, false
	}
	c.args = append(c.args, arg{words: words[:n], flag: f})
	return words[n:], true
}

func (c *Call) isBool(name string) bool {
	if c.Subcommand == "test" {
		name = strings.TrimPrefix(name, "test.")
		if testBools[name] {
			return true
		}
	}
	return buildBools[name]
}

func (c *Call) isValued(name string) bool {
	switch c.Subcommand {
	case "build":
		if name == "o" {
			return true
		}
	case "run":
		if name == "exec" {
			return true
		}
	case "test":
		name = strings.TrimPrefix(name, "test.")
		if testValued[name] {
			return true
		}
	}
	return buildValued[name]
}

// flags returns the flags in their order.
func (c *Call) flags() Flags {
	var flags Flags
	for _, a := range c.args {
		if a.flag != nil {
			flags = append(flags, *a.flag)
		}
	}
	return flags
}

// Versioned tells whether this is go install PACKAGE@VERSION, which takes no
// notice of the module around it (runInstall in cmd/go/internal/work).
func (c *Call) Versioned() bool {
	return c.Subcommand == "install" && slices.ContainsFunc(c.Packages, func(p string) bool {
		return strings.Contains(p, "@") && !strings.HasPrefix(p, "/") &&
			p != "." && p != ".." && !strings.HasPrefix(p, "./") && !strings.HasPrefix(p, "../")
	})
}

// FlagWords are the words of the flags that names has.
func (c *Call) FlagWords(names map[string]bool) []string {
	var words []string
	for _, a := range c.args {
		if a.flag != nil && names[a.flag.name] {
			words = append(words, a.words...)
		}
	}
	return words
}

// edited returns the command line with the flags that drop names taken out and
// add put behind the subcommand.
func (c *Call) edited(drop map[string]bool, add []string) []string {
	words := append(slices.Clone(c.head), add...)
	for _, a := range c.args {
		if a.flag == nil || !drop[a.flag.name] {
			words = append(words, a.words...)
		}
	}
	return words
}
