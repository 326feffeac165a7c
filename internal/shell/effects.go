package shell

import (
	"path"
	"slices"
	"strings"
)

// MayCompile says why the script may start the Go compiler, "" where it surely does not
// or is taken not to, as tools of other languages are.
func (s Script) MayCompile() string { return s.reason(func(c Call) bool { return !c.Foreign() }) }

// Doubt says why the script could start the Go compiler after all, "" where it surely
// does not.
func (s Script) Doubt() string { return s.reason(func(Call) bool { return true }) }

// reason is why the first of the calls that count may compile.
func (s Script) reason(counts func(Call) bool) string {
	for _, c := range s.Calls {
		if reason := c.MayCompile(); reason != "" && counts(c) {
			return reason
		}
	}
	return ""
}

// Starting are the calls of a script that may start a program that they name, none where
// it could not be read.
func (s Script) Starting() []Call {
	if !s.Parsed {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.Calls), Call.startsNothing)
}

// Strips tells whether the script surely runs a program that strips others.
func (s Script) Strips() bool {
	return slices.ContainsFunc(s.Calls, func(c Call) bool { return slices.Contains(Strippers, c.Name()) })
}

// MayStrip tells whether the script may take debug information out of a program: it runs
// such a command, or something of which that cannot be told.
func (s Script) MayStrip() bool {
	return !s.Parsed || slices.ContainsFunc(s.Calls, func(c Call) bool { return !c.IsGo() && !slices.Contains(harmless, c.Name()) })
}

// MayRemove tells whether the script may run rm.
func (s Script) MayRemove() bool {
	return s.MayStrip() || slices.ContainsFunc(s.Calls, func(c Call) bool { return c.Name() == "rm" })
}

// RemovesPackages tells whether the script runs a package manager that removes packages.
func (s Script) RemovesPackages() bool { return slices.ContainsFunc(s.Calls, Call.removesPackages) }

// LooksAtSize tells whether the script runs a command that tells sizes of files.
func (s Script) LooksAtSize() bool { return slices.ContainsFunc(s.Calls, Call.looksAtSize) }

// Copy is what a command makes of files: it gives them other names or places, or writes
// what they become.
type Copy struct {
	// From are the files, "" for one that is not known or a pattern.
	From []string

	// To is the file that is made, or the folder that they are put in.
	To string
}

// Copies lists the copies of a script that runs in a folder, with absolute paths. What
// only a run can tell is left out.
func (s Script) Copies(cwd string) []Copy {
	var list []Copy
	cwd = path.Join("/", cwd)
	for _, c := range s.Calls {
		var operands []string
		switch {
		case c.Name() == "cd":
			cwd = changed(cwd, c.Args)
		case c.IsCopy():
			operands = c.operands()
		case slices.Contains(Strippers, c.Name()):
			operands = c.outputLast()
		}
		if len(operands) < 2 || slices.Contains(operands, "") {
			continue
		}
		last := len(operands) - 1
		for i, p := range operands {
			if operands[i] = inFolder(cwd, p); i < last && strings.ContainsAny(p, "*?[") {
				operands[i] = ""
			}
		}
		if operands[last] != "" {
			list = append(list, Copy{From: operands[:last], To: operands[last]})
		}
	}
	return list
}

// changed is the working folder after a cd, "" where it is not known.
func changed(cwd string, args []string) string {
	if len(args) != 1 || args[0] == "" {
		return ""
	}
	return inFolder(cwd, args[0])
}

// inFolder is the path that a word means in a folder, "" where that is not known.
func inFolder(cwd, word string) string {
	switch {
	case path.IsAbs(word):
		return path.Clean(word)
	case cwd == "":
		return ""
	}
	return path.Join(cwd, word)
}

// outputLast are the operands of a command with its output behind them, which follows -o,
// nil where it has none.
func (c Call) outputLast() []string {
	i := slices.Index(c.Args, "-o")
	if i < 0 || i+1 == len(c.Args) {
		return nil
	}
	output := c.Args[i+1]
	c.Args = slices.Concat(c.Args[:i], c.Args[i+2:])
	return append(c.operands(), output)
}

// operands are the words that are no options. The options of install(1) with a value
// are taken to have it in a word of its own.
func (c Call) operands() []string {
	valued := c.Name() == "install"
	var list []string
	for i := 0; i < len(c.Args); i++ {
		switch w := c.Args[i]; {
		case valued && slices.Contains([]string{"-m", "-o", "-g"}, w):
			i++
		case strings.HasPrefix(w, "-"):
		default:
			list = append(list, w)
		}
	}
	return list
}
