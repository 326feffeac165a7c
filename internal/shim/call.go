package shim

import (
	"slices"
	"strconv"
	"strings"
)

// Flags of go build and go install from Go 1.16 to 1.26
// (cmd/go/internal/work.AddBuildFlags, AddCoverFlags).
var (
	buildBools = names(`a asan buildvcs cover i json linkshared modcacherw msan n race
		trimpath v work x`)
	buildValued = names(`asmflags buildmode compiler covermode coverpkg debug-actiongraph
		debug-runtime-trace debug-trace gccgoflags gcflags installsuffix ldflags mod
		modfile overlay p pgo pkgdir tags toolexec`)
)

// Flags that go test has beyond those (cmd/go/internal/test/testflag.go). Most
// go with the prefix "test.", too.
var (
	testBools  = names("artifacts benchmem c failfast fullpath short")
	testValued = names(`bench benchtime blockprofile blockprofilerate count coverprofile
		cpu cpuprofile exec fuzz fuzzminimizetime fuzztime list memprofile
		memprofilerate mutexprofile mutexprofilefraction o outputdir parallel run
		shuffle skip timeout trace vet`)
)

// flag is a flag of the go command. A boolean without a value has none.
type flag struct {
	name     string
	value    string
	hasValue bool
}

// on tells whether a boolean flag is set.
func (f flag) on() bool {
	if !f.hasValue {
		return true
	}
	on, err := strconv.ParseBool(f.value)
	return err == nil && on
}

// arg is one or two words of a command line that belong together: a flag with
// its value, or anything else, where flag is nil.
type arg struct {
	words []string
	flag  *flag
}

// call is a command line of the go command that compiles programs to keep.
type call struct {
	// subcommand is "build", "install", "run", or "test", which comes with -c.
	subcommand string

	// chdir is the value of -C, "" without.
	chdir string

	// head holds the words up to the subcommand and -C, args those that follow.
	head []string
	args []arg

	// packages are the packages, patterns or files named.
	packages []string
}

// parseCall reads a command line without the program's name. ok is false where
// there is nothing to edit: another subcommand, or one that the real go answers
// with an error or with usage.
func parseCall(words []string) (c call, ok bool) {
	rest := words
	c.chdir, rest, ok = cutChdir(rest)
	if !ok || len(rest) == 0 {
		return call{}, false
	}
	c.subcommand, rest = rest[0], rest[1:]
	if c.chdir == "" {
		if c.chdir, rest, ok = cutChdir(rest); !ok {
			return call{}, false
		}
	}
	c.head = words[:len(words)-len(rest)]
	switch c.subcommand {
	case "build", "install":
		ok = c.parseBuild(rest)
	case "test":
		ok = c.parseTest(rest) && isOn(c.flags(), "c")
	default:
		ok = false
	}
	return c, ok
}

// cutChdir takes -C off the front of words, where alone it may stand
// (handleChdirFlag in cmd/go/main.go).
func cutChdir(words []string) (dir string, rest []string, ok bool) {
	if len(words) == 0 {
		return "", words, true
	}
	name, value, hasValue, isFlag := cutFlag(words[0])
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

// parseBuild reads flags up to the first word that is none, as the flag package
// does.
func (c *call) parseBuild(words []string) bool {
	for len(words) > 0 {
		if words[0] == "--" {
			c.args = append(c.args, arg{words: words[:1]})
			words = words[1:]
			break
		}
		if _, _, _, isFlag := cutFlag(words[0]); !isFlag {
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
	c.packages = words
	if len(words) > 0 {
		c.args = append(c.args, arg{words: words})
	}
	return true
}

// parseTest reads the command line of go test, in which flags stand before and
// after the packages. With -c the real go refuses flags that it doesn't know, so
// that nothing else needs to be told apart.
func (c *call) parseTest(words []string) bool {
	closed := false
	for len(words) > 0 {
		_, _, _, isFlag := cutFlag(words[0])
		switch {
		case words[0] == "-args" || words[0] == "--args" || words[0] == "--":
			c.args = append(c.args, arg{words: words})
			return true
		case isFlag:
			closed = len(c.packages) > 0
			var ok bool
			if words, ok = c.takeFlag(words); !ok {
				return false
			}
		case closed:
			// Without the flags between them they would join the packages.
			c.args = append(c.args, arg{words: append([]string{"-args"}, words...)})
			return true
		default:
			c.packages = append(c.packages, words[0])
			c.args = append(c.args, arg{words: words[:1]})
			words = words[1:]
		}
	}
	return true
}

// takeFlag moves the flag at the front of words to c. It fails on a flag that
// this program doesn't know unless it has its value with it: whether the next
// word belongs to it can't be told.
func (c *call) takeFlag(words []string) (rest []string, ok bool) {
	name, value, hasValue, _ := cutFlag(words[0])
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

func (c *call) isBool(name string) bool {
	if c.subcommand == "test" {
		name = strings.TrimPrefix(name, "test.")
		if testBools[name] {
			return true
		}
	}
	return buildBools[name]
}

func (c *call) isValued(name string) bool {
	switch c.subcommand {
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
func (c *call) flags() []flag {
	var flags []flag
	for _, a := range c.args {
		if a.flag != nil {
			flags = append(flags, *a.flag)
		}
	}
	return flags
}

// versioned tells whether this is go install PACKAGE@VERSION, which takes no
// notice of the module around it (runInstall in cmd/go/internal/work).
func (c *call) versioned() bool {
	return c.subcommand == "install" && slices.ContainsFunc(c.packages, func(p string) bool {
		return strings.Contains(p, "@") && !strings.HasPrefix(p, "/") &&
			p != "." && p != ".." && !strings.HasPrefix(p, "./") && !strings.HasPrefix(p, "../")
	})
}

// edited returns the command line with the flags that drop names taken out and
// add put behind the subcommand.
func (c *call) edited(drop map[string]bool, add []string) []string {
	words := append(slices.Clone(c.head), add...)
	for _, a := range c.args {
		if a.flag == nil || !drop[a.flag.name] {
			words = append(words, a.words...)
		}
	}
	return words
}

// lastValue returns the value of the last flag of that name, "" without one.
func lastValue(flags []flag, name string) string {
	for i := len(flags) - 1; i >= 0; i-- {
		if flags[i].name == name {
			return flags[i].value
		}
	}
	return ""
}

// isOn tells whether the last flag of that name turns it on.
func isOn(flags []flag, name string) bool {
	for i := len(flags) - 1; i >= 0; i-- {
		if flags[i].name == name {
			return flags[i].on()
		}
	}
	return false
}

// values returns the values of all flags of that name.
func values(flags []flag, name string) []string {
	var all []string
	for _, f := range flags {
		if f.name == name {
			all = append(all, f.value)
		}
	}
	return all
}
