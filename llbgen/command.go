package llbgen

import (
	"path"
	"slices"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"
)

// mayCompile says why a step may compile Go, "" where it surely does not or is taken
// not to. A step that is instrumented for nothing loses its cached result, and may be a
// long compile in another language. One that was left out is given the stand-ins after
// all where the program turns out to be its work (Suspects).
func mayCompile(args []string, t located) string {
	return readScript(args).mayCompile(t)
}

// script is what is known of a step's commands before it runs.
type script struct {
	commands []command

	// shell is false where the step is no script that can be read: its command line
	// is then taken to be the only command.
	shell bool

	// speaksOfGo is set where the step's text has a word that has to do with Go.
	speaksOfGo bool
}

func readScript(args []string) script {
	s := script{speaksOfGo: slices.ContainsFunc(args, speaksOfGo)}
	if commands, ok := shellCommands(args); ok {
		s.commands, s.shell = commands, true
	} else {
		s.commands = []command{{words: args}}
	}
	return s
}

// mayCompile weighs the commands by what they find: where there is no Go, they compile
// it only if the step brings it.
func (s script) mayCompile(t located) string {
	if t.none() && !s.speaksOfGo {
		return ""
	}
	for _, c := range s.commands {
		if reason := c.mayCompile(); reason != "" && !c.foreign() {
			return reason
		}
	}
	return ""
}

// doubt says why the step could compile Go after all, "" where it surely does not.
func (s script) doubt() string {
	for _, c := range s.commands {
		if reason := c.mayCompile(); reason != "" {
			return reason
		}
	}
	return ""
}

// stripperNames are those that stand-ins for programs that strip are found by.
var stripperNames = []string{"eu-strip", "llvm-strip", "objcopy", "strip", "upx"}

// strips tells whether a step surely runs a program that strips others.
func (s script) strips() bool {
	return slices.ContainsFunc(s.commands, func(c command) bool {
		words := c.unwrapped()
		return len(words) > 0 && slices.Contains(stripperNames, path.Base(words[0]))
	})
}

// mayStrip tells whether a step may take debug information out of a program: it
// runs such a command, or something of which that cannot be told.
func (s script) mayStrip() bool {
	return !s.shell || slices.ContainsFunc(s.commands, func(c command) bool {
		words := c.unwrapped()
		if len(words) == 0 || words[0] == "" {
			return len(words) > 0
		}
		name := path.Base(words[0])
		return !isGo(name) && !slices.Contains(harmless, name)
	})
}

// mayRemove tells whether a step may run rm.
func (s script) mayRemove() bool {
	return s.mayStrip() || slices.ContainsFunc(s.commands, func(c command) bool {
		words := c.unwrapped()
		return len(words) > 0 && path.Base(words[0]) == "rm"
	})
}

// packagedGo is the folder below which distributions' packages put toolchains.
const packagedGo = "/usr/lib"

// removesPackages tells whether a step runs a package manager that removes packages.
func removesPackages(args []string) bool {
	commands, _ := shellCommands(args)
	return slices.ContainsFunc(commands, func(c command) bool {
		words := c.unwrapped()
		if len(words) == 0 || !slices.Contains([]string{"apk", "apt", "apt-get", "dnf", "dpkg", "microdnf", "tdnf", "yum", "zypper"}, path.Base(words[0])) {
			return false
		}
		return slices.ContainsFunc(words[1:], func(w string) bool {
			return slices.Contains([]string{"--purge", "--remove", "-P", "-r", "autoremove", "del", "erase", "purge", "remove", "rm"}, w)
		})
	})
}

// command is one simple command, its words as far as they are known before it
// runs: an expansion is the word "".
type command struct {
	words []string

	// writes is the file that a redirection writes, where that is all there is.
	writes string

	// input is set where a redirection that reads is all there is, reads is its file.
	input bool
	reads string
}

// mayCompile says why the command may start the Go compiler.
func (c command) mayCompile() string {
	words := c.unwrapped()
	if len(words) == 0 {
		return ""
	}
	name := path.Base(words[0])
	switch {
	case words[0] == "":
		return "runs a command that is known only when it runs"
	case isGo(name):
		return goReason(words)
	case slices.Contains(harmless, name):
		return ""
	case harmlessWith(name, words[1:]):
		return ""
	}
	return "runs " + name
}

// unwrapped drops the commands that only start another one with changed
// circumstances, and their options.
func (c command) unwrapped() []string {
	words := c.words
	for len(words) > 0 && slices.Contains([]string{"env", "exec", "command", "time", "nice", "nohup", "sudo"}, path.Base(words[0])) {
		words = words[1:]
		for len(words) > 0 && (strings.HasPrefix(words[0], "-") || strings.Contains(words[0], "=")) {
			words = words[1:]
		}
	}
	return words
}

// isGo tells whether a program of that name is the go command, also as
// golang.org/dl and version managers install it.
func isGo(name string) bool {
	return name == "go" || strings.HasPrefix(name, "go1.") || name == "xx-go"
}

// goReason says why a call of the go command may compile programs.
func goReason(words []string) string {
	args := words[1:]
	for len(args) > 1 && args[0] == "-C" {
		args = args[2:]
	}
	if len(args) == 0 {
		return ""
	}
	if slices.Contains([]string{"--unwrap", "--wrap", "clean", "doc", "env", "fmt", "help", "list", "mod", "telemetry", "version", "vet", "work"}, args[0]) {
		return ""
	}
	if args[0] == "" {
		return "runs go"
	}
	return "runs go " + args[0]
}

// parsers are kept for the next script: making one costs as much as most scripts.
var parsers = sync.Pool{New: func() any { return syntax.NewParser(syntax.Variant(syntax.LangBash)) }}

// shellCommands lists the simple commands of a step that a POSIX shell runs, in
// shell or exec form. It reports false where the step is no such thing or cannot
// be read.
func shellCommands(args []string) ([]command, bool) {
	script, ok := shellScript(args)
	if !ok {
		return nil, false
	}
	parser, _ := parsers.Get().(*syntax.Parser)
	defer parsers.Put(parser)
	file, err := parser.Parse(strings.NewReader(script), "")
	if err != nil {
		return nil, false
	}
	functions := map[string]bool{}
	var commands []command
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			functions[n.Name.Value] = true
		case *syntax.Redirect:
			switch {
			case n.Op == syntax.RdrIn:
				commands = append(commands, command{input: true, reads: literal(n.Word.Parts)})
			case written(n) != "":
				commands = append(commands, command{writes: written(n)})
			}
		case *syntax.CallExpr:
			if c := wordsOf(n); len(c.words) > 0 {
				commands = append(commands, c)
			}
		}
		return true
	})
	return slices.DeleteFunc(commands, func(c command) bool { return len(c.words) > 0 && functions[c.words[0]] }), true
}

// written is the file that a redirection writes, "" where it writes none or one that
// is known only when it runs.
func written(r *syntax.Redirect) string {
	if !slices.Contains([]syntax.RedirOperator{syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll}, r.Op) {
		return ""
	}
	return literal(r.Word.Parts)
}

// ShellCommands are the commands that a command line runs through a POSIX shell,
// `sh -c SCRIPT`, their words as far as they are known before it runs: "" where they
// are not. It is false where the command line is no such thing or cannot be read.
func ShellCommands(argv []string) ([][]string, bool) {
	commands, ok := shellCommands(argv)
	var lines [][]string
	for _, c := range commands {
		lines = append(lines, c.words)
	}
	return lines, ok
}

// SimpleCommand is the one command that `sh -c SCRIPT` runs, where that is all that it
// does: no variable is set or expanded, nothing is redirected.
func SimpleCommand(argv []string) ([]string, bool) {
	script, ok := shellScript(argv)
	if !ok {
		return nil, false
	}
	parser, _ := parsers.Get().(*syntax.Parser)
	defer parsers.Put(parser)
	file, err := parser.Parse(strings.NewReader(script), "")
	if err != nil || len(file.Stmts) != 1 {
		return nil, false
	}
	stmt := file.Stmts[0]
	call, ok := stmt.Cmd.(*syntax.CallExpr)
	if !ok || len(stmt.Redirs) > 0 || stmt.Background || stmt.Negated || len(call.Assigns) > 0 {
		return nil, false
	}
	words := wordsOf(call).words
	if len(words) > 1 && words[0] == "exec" {
		words = words[1:]
	}
	unknown := func(w string) bool { return w == "" || strings.ContainsAny(w, "*?[~{\\") }
	return words, !slices.ContainsFunc(words, unknown)
}

// shellScript is the script that `sh -c SCRIPT` runs.
func shellScript(args []string) (string, bool) {
	if len(args) == 0 || !slices.Contains([]string{"sh", "bash", "ash", "dash", "ksh", "zsh"}, path.Base(args[0])) {
		return "", false
	}
	for i := 1; i < len(args)-1; i++ {
		if !strings.HasPrefix(args[i], "-") && !strings.HasPrefix(args[i], "+") {
			if strings.HasSuffix(args[i-1], "o") {
				continue // the name of an option, as in -eo pipefail
			}
			return "", false
		}
		if !strings.HasPrefix(args[i], "--") && strings.HasSuffix(args[i], "c") {
			return args[i+1], true
		}
	}
	return "", false
}

// wordsOf reads the words of a call. A nested `sh -c "..."` whose script is known
// is left to mayCompile, which calls it what it is: a shell.
func wordsOf(call *syntax.CallExpr) command {
	var c command
	for _, w := range call.Args {
		c.words = append(c.words, literal(w.Parts))
	}
	return c
}

// literal is the text of a word, "" where an expansion decides it.
func literal(parts []syntax.WordPart) string {
	var b strings.Builder
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			b.WriteString(p.Value)
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			text := literal(p.Parts)
			if text == "" && len(p.Parts) > 0 {
				return ""
			}
			b.WriteString(text)
		default:
			return ""
		}
	}
	return b.String()
}
