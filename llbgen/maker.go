package llbgen

import (
	"path"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shell"
	"github.com/moby/buildkit/solver/pb"
)

// How likely a step makes a file. What the step's environment and text say of it is
// added.
const (
	scoreOther   = 1 // a tool of another language
	scoreUnknown = 4 // anything: make, a script
	scoreFetch   = 5 // a harmless command that is given the file's name: curl, tar
	scoreGo      = 8

	scoreHasGo = 2 // the environment leads to a toolchain
	scoreNames = 3 // an argument is the file's name
)

// makes tells whether a step may make a file, or one of a pattern, and how likely. before
// is the file's name before the step's own renaming.
func makes(exec *pb.ExecOp, file, before string) (Origin, bool) {
	base := path.Base(file)
	script := shell.Read(exec.Meta.Args)
	o := Origin{Compiles: script.Doubt()}
	if o.Compiles == "" {
		o.score = scoreFetch
		return o, fetches(script, base)
	}
	for _, c := range script.Calls {
		if c.MayCompile() == "" || c.Touches() || c.Name() == base {
			continue
		}
		o.score = max(o.score, likelihood(c, file, before))
		o.Named = o.Named || slices.ContainsFunc(c.Args, func(w string) bool { return matches(file, at(exec.Meta.Cwd, w)) })
		o.Likely = o.Likely || slices.ContainsFunc(c.Args, func(w string) bool { return letters(base) != "" && matches(base, programName(w)) })
	}
	if o.score == 0 {
		return o, false // it only touches the file, or runs it
	}
	if leadsToGo(exec.Meta.Env) {
		o.score += scoreHasGo
	}
	if o.Likely {
		o.score += scoreNames
	}
	return o, true
}

// at is the path that a word names in a folder.
func at(cwd, word string) string {
	if path.IsAbs(word) {
		return path.Clean(word)
	}
	return path.Join("/", cwd, word)
}

// programName is what a program is called that is made from or as what a word names:
// a path, or a package with its version.
func programName(word string) string {
	name, _, _ := strings.Cut(path.Base(word), "@")
	return name
}

// goMakesOthers tells whether the call is one of go install for packages with their
// versions, or of go build with -o, none of which makes a file of that name.
func goMakesOthers(c shell.Call, file string) bool {
	if len(c.Args) < 2 || !c.IsGo() {
		return false
	}
	base := path.Base(file)
	switch c.Args[0] {
	case "install":
		return !slices.ContainsFunc(c.Args[1:], func(w string) bool {
			return w == "" || !strings.HasPrefix(w, "-") && (!strings.Contains(w, "@") || majorVersion(programName(w)) || matches(base, programName(w)))
		})
	case "build":
		output := path.Base(outputOf(c.Args)) // the file, or a folder that it is in
		return strings.Trim(output, "./") != "" && !slices.ContainsFunc(split(file), func(element string) bool { return matches(element, output) })
	}
	return false
}

// outputOf is the value of the option -o, "" where there is none or it is not known.
func outputOf(args []string) string {
	for i, w := range args[1:] {
		if value, joined := strings.CutPrefix(w, "-o="); joined || args[i] == "-o" {
			return value
		}
	}
	return ""
}

// majorVersion tells whether a name is that of a module's major version, which no
// program has.
func majorVersion(name string) bool {
	digits, ok := strings.CutPrefix(name, "v")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

func likelihood(c shell.Call, file, before string) int {
	switch {
	case goMakesOthers(c, file) && goMakesOthers(c, before):
		return scoreOther
	case c.IsGo():
		return scoreGo
	case !c.Foreign():
		return scoreUnknown
	}
	return scoreOther
}

// fetches tells whether harmless commands bring a file of that name: their text has
// the name, and not only as what is touched.
func fetches(script shell.Script, base string) bool {
	known := letters(base)
	mentioned := func(text string) bool { return known != "" && strings.Contains(text, known) }
	if !mentioned(script.Text) {
		return false
	}
	if slices.ContainsFunc(script.Writes, func(file string) bool { return matches(base, path.Base(file)) }) {
		return true
	}
	touched := false
	for _, c := range script.Calls {
		switch {
		case !slices.ContainsFunc(c.Command(), mentioned):
		case !c.Touches() && !copiesAway(c, base):
			return true
		default:
			touched = true
		}
	}
	// A name that no command has as an argument is one that the shell makes up.
	return !touched
}

// copiesAway tells whether a call gives a file another name than this.
func copiesAway(c shell.Call, base string) bool {
	return c.IsCopy() && (len(c.Args) == 0 || !matches(base, path.Base(c.Args[len(c.Args)-1])))
}

// leadsToGo tells whether a step's environment is that of an image with Go.
func leadsToGo(env []string) bool {
	inPath := slices.ContainsFunc(strings.Split(Variable(env, "PATH"), ":"), func(dir string) bool { return strings.HasSuffix(dir, "/go/bin") })
	return inPath || Variable(env, "GOLANG_VERSION") != ""
}

// renamedFrom is the name that a file had before a step's copies.
func renamedFrom(exec *pb.ExecOp, file string) string {
	for _, c := range slices.Backward(shell.Read(exec.Meta.Args).Copies(exec.Meta.Cwd)) {
		file = copiedTo(file, c)
	}
	return file
}

// copiedTo is what a copy made the file of, the file itself where it is another.
func copiedTo(file string, c shell.Copy) string {
	for _, from := range c.From {
		if from != "" && (len(c.From) == 1 && matches(file, c.To) || matches(file, path.Join(c.To, path.Base(from)))) {
			return from
		}
	}
	return file
}
