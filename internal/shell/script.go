// Package shell tells what a command line runs before it runs: the calls of a shell's
// script, the launchers ahead of them, the files that they write, and which of them may
// compile Go. It knows words and text alone. What only a run can tell is unknown to it,
// and taken for anything.
package shell

import (
	"path"
	"slices"
	"strings"
	"sync"

	"mvdan.cc/sh/v3/syntax"
)

// Script is what a command line runs.
type Script struct {
	// Calls are the calls of programs, in the order of the text. Those of the script's
	// own functions are left out, and what only sets variables or redirects.
	Calls []Call

	// Parsed is set where the command line is `sh -c SCRIPT` and the script could be
	// read. Otherwise the only call is that of the command line itself.
	Parsed bool

	// Text is that of the script, of the command line where it is none of a shell.
	Text string

	// Writes are the files that redirections write, Reads those that they read: "" for
	// one that only a run can tell. Writes has none of these.
	Writes, Reads []string

	// Alone is the command of a script that does nothing else: no variable is set or
	// expanded, nothing is redirected. It is nil for any other.
	Alone []string
}

// parsers are kept for the next script: making one costs as much as most scripts.
var parsers = sync.Pool{New: func() any { return syntax.NewParser(syntax.Variant(syntax.LangBash)) }}

// Read reads a command line, as it is given to exec.
func Read(argv []string) Script {
	text, ok := scriptOf(argv)
	if ok {
		parser, _ := parsers.Get().(*syntax.Parser)
		defer parsers.Put(parser)
		if file, err := parser.Parse(strings.NewReader(text), ""); err == nil {
			return read(file, text)
		}
	} else {
		text = strings.Join(argv, " ")
	}
	s := Script{Text: text}
	s.add(argv)
	return s
}

// ReadText reads the text of a script.
func ReadText(text string) Script { return Read([]string{"sh", "-c", text}) }

// read lists what a script does.
func read(file *syntax.File, text string) Script {
	s := Script{Parsed: true, Text: text, Alone: alone(file)}
	functions := map[string]bool{}
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			if n.Name != nil { // `() a`, which bash takes for an error
				functions[n.Name.Value] = true
			}
		case *syntax.Redirect:
			s.redirect(n)
		case *syntax.CallExpr:
			s.add(wordsOf(n))
		}
		return true
	})
	s.Calls = slices.DeleteFunc(s.Calls, func(c Call) bool { return len(c.Launchers) == 0 && functions[c.Program] })
	return s
}

// add adds a call, unless it runs nothing.
func (s *Script) add(words []string) {
	if c := CallOf(words); len(c.Launchers) < len(words) {
		s.Calls = append(s.Calls, c)
	}
}

func (s *Script) redirect(r *syntax.Redirect) {
	switch r.Op {
	case syntax.RdrIn:
		s.Reads = append(s.Reads, literal(r.Word.Parts))
	case syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll:
		if file := literal(r.Word.Parts); file != "" {
			s.Writes = append(s.Writes, file)
		}
	}
}

// alone is the one command that a script is, nil where it is more.
func alone(file *syntax.File) []string {
	if len(file.Stmts) != 1 {
		return nil
	}
	stmt := file.Stmts[0]
	call, ok := stmt.Cmd.(*syntax.CallExpr)
	if !ok || len(stmt.Redirs) > 0 || stmt.Background || stmt.Negated || len(call.Assigns) > 0 {
		return nil
	}
	words := wordsOf(call)
	if len(words) > 1 && words[0] == "exec" {
		words = words[1:]
	}
	if slices.ContainsFunc(words, func(w string) bool { return w == "" || strings.ContainsAny(w, "*?[~{\\") }) {
		return nil
	}
	return words
}

// scriptOf is the script that `sh -c SCRIPT` runs.
func scriptOf(argv []string) (string, bool) {
	if len(argv) == 0 || !slices.Contains(shells, path.Base(argv[0])) {
		return "", false
	}
	for i := 1; i < len(argv)-1; i++ {
		if !strings.HasPrefix(argv[i], "-") && !strings.HasPrefix(argv[i], "+") {
			if strings.HasSuffix(argv[i-1], "o") {
				continue // the name of an option, as in -eo pipefail
			}
			return "", false
		}
		if !strings.HasPrefix(argv[i], "--") && strings.HasSuffix(argv[i], "c") {
			return argv[i+1], true
		}
	}
	return "", false
}

// wordsOf reads the words of a call. A nested `sh -c "..."` is called what it is: a
// shell, also where its script is known.
func wordsOf(call *syntax.CallExpr) []string {
	var words []string
	for _, w := range call.Args {
		words = append(words, literal(w.Parts))
	}
	return words
}

// literal is the text of a word, "" where an expansion decides it, or which shell reads
// it: $'a'.
func literal(parts []syntax.WordPart) string {
	var b strings.Builder
	for _, p := range parts {
		var text string
		switch p := p.(type) {
		case *syntax.Lit:
			text = p.Value
		case *syntax.SglQuoted:
			if text = p.Value; p.Dollar {
				return ""
			}
		case *syntax.DblQuoted:
			if text = literal(p.Parts); p.Dollar || text == "" && len(p.Parts) > 0 {
				return ""
			}
		default:
			return ""
		}
		b.WriteString(text)
	}
	return b.String()
}
