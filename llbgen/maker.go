package llbgen

import (
	"path"
	"slices"
	"strings"

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

// touching are the commands that are given a file and leave it what it is, or are
// given a name that is no file's.
var touching = []string{
	"[", "addgroup", "adduser", "chgrp", "chmod", "chown", "echo", "eu-strip", "file", "getcap", "groupadd", "ldd", "ls", "md5sum", "mkdir",
	"objcopy", "rm", "setcap", "sha256sum", "stat", "strip", "test", "touch", "upx", "useradd", "usermod", "xx-verify",
}

// preparing are the commands beside the touching ones that start nothing that they are
// given.
var preparing = []string{
	".", "cd", "getent", "grep", "id", "kill", "killall", "mkfifo", "mount", "mountpoint", "pgrep", "pidof", "pkill", "pushd", "rmdir",
	"sed", "sleep", "source", "truncate", "umount", "unlink", "wait",
}

// StartsNothing tells whether a command of a script surely starts none of the programs
// that its arguments name: it removes, tests or changes files, or names them only.
func StartsNothing(words []string) bool {
	words = command{words: words}.unwrapped()
	if len(words) == 0 || words[0] == "" || !slices.Contains([]string{".", "/bin", "/sbin", "/usr/bin", "/usr/sbin"}, path.Dir(words[0])) {
		return false
	}
	name := path.Base(words[0])
	return slices.Contains(touching, name) || slices.Contains(preparing, name)
}

// makes tells whether a step may make a file, or one of a pattern, and how likely. before
// is the file's name before the step's own renaming.
func makes(exec *pb.ExecOp, file, before string) (Origin, bool) {
	base := path.Base(file)
	o := Origin{Compiles: readScript(exec.Meta.Args).doubt()}
	if o.Compiles == "" {
		o.score = scoreFetch
		return o, fetches(exec.Meta.Args, base)
	}
	for _, c := range commandsOf(exec.Meta.Args) {
		words := c.unwrapped()
		if c.mayCompile() == "" || slices.Contains(touching, path.Base(words[0])) || path.Base(words[0]) == base {
			continue
		}
		o.score = max(o.score, likelihood(c, words, file, before))
		o.Named = o.Named || slices.ContainsFunc(words[1:], func(w string) bool { return matches(file, at(exec.Meta.Cwd, w)) })
		o.Likely = o.Likely || slices.ContainsFunc(words[1:], func(w string) bool { return letters(base) != "" && matches(base, programName(w)) })
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

// commandsOf are the commands of a step, or the step itself where it is no shell's.
func commandsOf(args []string) []command { return readScript(args).commands }

// programName is what a program is called that is made from or as what a word names:
// a path, or a package with its version.
func programName(word string) string {
	name, _, _ := strings.Cut(path.Base(word), "@")
	return name
}

// goMakesOthers tells whether the words are a call of go install for packages with their
// versions, or of go build with -o, none of which makes a file of that name.
func goMakesOthers(words []string, file string) bool {
	if len(words) < 3 || !isGo(path.Base(words[0])) {
		return false
	}
	base := path.Base(file)
	switch words[1] {
	case "install":
		return !slices.ContainsFunc(words[2:], func(w string) bool {
			return w == "" || !strings.HasPrefix(w, "-") && (!strings.Contains(w, "@") || majorVersion(programName(w)) || matches(base, programName(w)))
		})
	case "build":
		output := path.Base(outputOf(words)) // the file, or a folder that it is in
		return strings.Trim(output, "./") != "" && !slices.ContainsFunc(split(file), func(element string) bool { return matches(element, output) })
	}
	return false
}

// outputOf is the value of the option -o, "" where there is none or it is not known.
func outputOf(words []string) string {
	for i, w := range words[1:] {
		if value, joined := strings.CutPrefix(w, "-o="); joined || words[i] == "-o" {
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

func likelihood(c command, words []string, file, before string) int {
	switch {
	case goMakesOthers(words, file) && goMakesOthers(words, before):
		return scoreOther
	case isGo(path.Base(words[0])):
		return scoreGo
	case !c.foreign():
		return scoreUnknown
	}
	return scoreOther
}

// fetches tells whether harmless commands bring a file of that name: their text has
// the name, and not only as what is touched.
func fetches(args []string, base string) bool {
	known := letters(base)
	mentioned := func(text string) bool { return known != "" && strings.Contains(text, known) }
	text, ok := shellScript(args)
	if !ok {
		text = strings.Join(args, " ")
	}
	if !mentioned(text) {
		return false
	}
	touched := false
	for _, c := range commandsOf(args) {
		words := c.unwrapped()
		switch {
		case matches(base, path.Base(c.writes)):
			return true
		case len(words) == 0 || !slices.ContainsFunc(words, mentioned):
		case !slices.Contains(touching, path.Base(words[0])) && !renamesAway(words, base):
			return true
		default:
			touched = true
		}
	}
	// A name that no command has as an argument is one that the shell makes up.
	return !touched
}

// renamers are the commands that give a file another name or place.
var renamers = []string{"cp", "mv", "install", "ln", "objcopy"}

// renamesAway tells whether a command gives a file another name than this.
func renamesAway(words []string, base string) bool {
	return slices.Contains(renamers, path.Base(words[0])) && !matches(base, path.Base(words[len(words)-1]))
}

// leadsToGo tells whether a step's environment is that of an image with Go.
func leadsToGo(env []string) bool {
	inPath := slices.ContainsFunc(strings.Split(variable(env, "PATH"), ":"), func(dir string) bool { return strings.HasSuffix(dir, "/go/bin") })
	return inPath || variable(env, "GOLANG_VERSION") != ""
}

// writers are the commands that change a file, or write what it becomes to the one that
// follows -o.
var writers = []string{"eu-strip", "llvm-strip", "strip", "upx"}

// outputLast are the operands of a writer with its output behind them, nil where it
// has none.
func outputLast(words []string) []string {
	i := slices.Index(words, "-o")
	if i < 0 || i+1 == len(words) {
		return nil
	}
	return append(operands(slices.Concat(words[:i], words[i+2:])), words[i+1])
}

// renamedFrom is the name that a file had before a step's cp, mv, install and ln, or
// before what wrote it from another.
func renamedFrom(exec *pb.ExecOp, file string) string {
	type renaming struct {
		cwd   string
		words []string
	}
	var list []renaming
	cwd := path.Join("/", exec.Meta.Cwd)
	for _, c := range commandsOf(exec.Meta.Args) {
		words := c.unwrapped()
		switch {
		case len(words) == 0:
		case path.Base(words[0]) == "cd":
			cwd = changed(cwd, words[1:])
		case slices.Contains(renamers, path.Base(words[0])):
			list = append(list, renaming{cwd, operands(words)})
		case slices.Contains(writers, path.Base(words[0])):
			list = append(list, renaming{cwd, outputLast(words)})
		}
	}
	for _, r := range slices.Backward(list) {
		file = sourceIn(r.cwd, r.words, file)
	}
	return file
}

// changed is the working folder after a cd, "" where it is not known.
func changed(cwd string, args []string) string {
	switch {
	case len(args) != 1 || args[0] == "":
		return ""
	case path.IsAbs(args[0]):
		return args[0]
	case cwd == "":
		return ""
	}
	return path.Join(cwd, args[0])
}

// operands are the words that are no options. The options of install(1) with a value
// are taken to have it in a word of its own.
func operands(words []string) []string {
	valued := path.Base(words[0]) == "install"
	var list []string
	for i := 1; i < len(words); i++ {
		switch w := words[i]; {
		case valued && slices.Contains([]string{"-m", "-o", "-g"}, w):
			i++
		case strings.HasPrefix(w, "-"):
		default:
			list = append(list, w)
		}
	}
	return list
}

// sourceIn is what a command with these operands made the file of, the file itself
// where it is another that the command makes.
func sourceIn(cwd string, operands []string, file string) string {
	if len(operands) < 2 || slices.Contains(operands, "") {
		return file
	}
	absolute := func(p string) string {
		if !path.IsAbs(p) && cwd == "" {
			return ""
		}
		if path.IsAbs(p) {
			return path.Clean(p)
		}
		return path.Join(cwd, p)
	}
	sources, dest := operands[:len(operands)-1], absolute(operands[len(operands)-1])
	for _, s := range sources {
		from := absolute(s)
		if from == "" || dest == "" || strings.ContainsAny(from, "*?[") {
			continue
		}
		if len(sources) == 1 && matches(file, dest) || matches(file, path.Join(dest, path.Base(from))) {
			return from
		}
	}
	return file
}
