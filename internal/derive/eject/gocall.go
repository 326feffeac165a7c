package eject

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shell"
	"github.com/dlvgen/dlvgen/internal/shim/gocall"
	"github.com/dlvgen/dlvgen/internal/shim/link"
	"mvdan.cc/sh/v3/syntax"
)

// GoCall is a call of the go command that compiled the program, as it was run. The values of
// -X are hidden.
type GoCall struct {
	Args    []string // from the subcommand on
	Goflags string
}

// The flags that a call is given.
const (
	debugGcflags = "-gcflags=all=-N -l"
	noTrimpath   = "-trimpath=false"
	noStrip      = " -s=false -w=false" // behind other flags of the linker
)

// visibleCall is a call of go build or go install in a script.
type visibleCall struct {
	text  runText
	words []*syntax.Word // from the subcommand on
}

// visibleCalls are those of a script, and its calls of programs that strip others.
func visibleCalls(t runText) (calls []visibleCall, strippers []*syntax.CallExpr) {
	script, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(t.text), "")
	if err != nil {
		return nil, nil
	}
	syntax.Walk(script, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok {
			return true
		}
		words := make([]string, len(call.Args))
		for i, w := range call.Args {
			words[i] = w.Lit()
		}
		c := shell.CallOf(words)
		rest := len(c.Launchers) + 1
		switch {
		case slices.Contains(shell.Strippers, c.Name()):
			strippers = append(strippers, call)
		case !c.IsGo() || rest >= len(words):
		case words[rest] == "build" || words[rest] == "install":
			calls = append(calls, visibleCall{t, call.Args[rest:]})
		}
		return true
	})
	return calls, strippers
}

func (c visibleCall) source(w *syntax.Word) string {
	return c.text.text[w.Pos().Offset():w.End().Offset()]
}

// known is a word's text, false where only a run can tell it.
func known(w *syntax.Word) (string, bool) {
	var b strings.Builder
	ok := knownParts(&b, w.Parts)
	return b.String(), ok
}

func knownParts(b *strings.Builder, parts []syntax.WordPart) bool {
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			if strings.ContainsAny(p.Value, "\\*?[~{") {
				return false
			}
			b.WriteString(p.Value)
		case *syntax.SglQuoted:
			if p.Dollar {
				return false
			}
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			if p.Dollar || !knownParts(b, p.Parts) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// isOne tells whether a word that only a run can tell stays one word.
func isOne(w *syntax.Word) bool {
	return !slices.ContainsFunc(w.Parts, func(p syntax.WordPart) bool {
		switch p := p.(type) {
		case *syntax.DblQuoted:
			return slices.ContainsFunc(p.Parts, func(p syntax.WordPart) bool {
				e, ok := p.(*syntax.ParamExp)
				return ok && e.Param != nil && e.Param.Value == "@"
			})
		case *syntax.SglQuoted:
			return false
		case *syntax.Lit:
			return strings.ContainsAny(p.Value, "*?[{")
		}
		return true
	})
}

// matches tells whether the words may have been that call. given are the words of the call
// for each of its own.
func (c visibleCall) matches(call GoCall) (given [][]string, ok bool) {
	return match(c.words, call.Args)
}

func match(words []*syntax.Word, args []string) (given [][]string, ok bool) {
	if len(words) == 0 {
		return nil, len(args) == 0
	}
	text, isKnown := known(words[0])
	least, most := 1, 1
	if !isKnown && !isOne(words[0]) {
		least, most = 0, len(args)
	}
	for n := least; n <= min(most, len(args)); n++ {
		// Words with values of -X are hidden in what was recorded.
		if isKnown && text != args[0] && gocall.RedactArgs([]string{"build", text})[1] != args[0] && !strings.Contains(text, "-X") {
			return nil, false
		}
		if rest, ok := match(words[1:], args[n:]); ok {
			return append([][]string{args[:n]}, rest...), true
		}
	}
	return nil, false
}

// flagWord is a word that is a flag which is edited.
var flagWord = regexp.MustCompile(`^['"]?--?(trimpath|ldflags|gcflags|asmflags)(=|['"]?$)`)

// edits are those for debugging. given are the words of the call that was run, for each
// word, and minor is the version of Go. With optimized only debug information is kept. The
// error says what cannot be edited.
func (c visibleCall) edits(given [][]string, goflags string, minor int, optimized bool) ([]edit, error) {
	e := callEdits{visibleCall: c, optimized: optimized, minor: minor, hidden: map[string]bool{}}
	for i := 1; i < len(c.words); i++ {
		w := c.words[i]
		switch m := flagWord.FindStringSubmatch(c.source(w)); {
		case m == nil:
			if _, ok := known(w); !ok && given != nil {
				e.unknown(w, given[i])
			}
		case m[1] == "ldflags" && m[2] == "=":
			e.ldflags = true
			e.linker(w, w)
		case m[1] == "ldflags":
			if i++; i < len(c.words) {
				e.ldflags = true
				e.linker(w, c.words[i])
			}
		case optimized:
		case m[1] == "trimpath":
			e.drop(w, w)
		case m[1] == "gcflags": // the last value has effect
			last := w
			if m[2] != "=" && i+1 < len(c.words) {
				i++
				last = c.words[i]
			}
			e.drop(w, last)
		}
	}
	return e.finish(goflags)
}

// callEdits are the edits of a call so far.
type callEdits struct {
	visibleCall
	optimized bool
	minor     int
	list      []edit
	ldflags   bool // of the call's own

	// hidden are the flags in words that only a run can tell, after the last of them.
	hidden map[string]bool
	after  int
}

// unknown is a word that only a run can tell, which was these words.
func (e *callEdits) unknown(w *syntax.Word, words []string) {
	flags := flagsOf(words, "", e.minor)
	hidden := map[string]bool{
		"trimpath": flags.IsOn("trimpath"), "gcflags": flags.Last("gcflags") != "", "ldflags": strips(flags.Last("ldflags")),
	}
	for name, on := range hidden {
		if on {
			e.hidden[name], e.after = true, int(w.End().Offset())
		}
	}
}

// flagsOf are the flags among words of a call, and of GOFLAGS.
func flagsOf(words []string, goflags string, minor int) gocall.Flags {
	cut, ok := gocall.Cut(append([]string{"build"}, words...))
	if !ok {
		return nil
	}
	call, ok := gocall.Parse(cut)
	if !ok {
		return nil
	}
	r, _ := call.Rewrite(gocall.Optimized, "", goflags, minor)
	return r.Flags
}

// unstripped is a value of -ldflags without what strips. One that the go command would refuse,
// such as a variable, stays.
func unstripped(value string) string {
	edited, err := link.Edit([]string{value})
	if err != nil {
		return value
	}
	return strings.TrimPrefix(edited[0], "-ldflags=")
}

// strips tells whether a value of -ldflags strips.
func strips(value string) bool {
	return !slices.Equal(strings.Fields(unstripped(value)), strings.Fields(value))
}

// drop takes words out, with the space ahead of them or, at the start of a line, behind them.
func (e *callEdits) drop(first, last *syntax.Word) {
	start, end := int(first.Pos().Offset()), int(last.End().Offset())
	at, text := e.text.at, e.text.text
	blank := func(i, line int) bool {
		return i >= 0 && i < len(text) && (text[i] == ' ' || text[i] == '\t') && at[i].line == line
	}
	from, to := start, end
	for blank(from-1, at[start].line) {
		from--
	}
	for blank(to, at[end-1].line) {
		to++
	}
	if at[from].column == 0 && to > end && to < len(text) && at[to].line == at[end-1].line {
		e.list = append(e.list, edit{start, to, ""})
		return
	}
	e.list = append(e.list, edit{from, end, ""})
}

// quotedValue are the forms of a word whose value stands in one pair of quotes, or in none.
var quotedValue = []*regexp.Regexp{
	regexp.MustCompile(`^(--?ldflags=")((?:[^"\\$` + "`" + `]|\\.|\$[\w]+|\$\{[^}"]*\})*)(")$`),
	regexp.MustCompile(`^("--?ldflags=)((?:[^"\\$` + "`" + `]|\\.|\$[\w]+|\$\{[^}"]*\})*)(")$`),
	regexp.MustCompile(`^(--?ldflags='|'--?ldflags=)([^']*)(')$`),
	regexp.MustCompile(`^(--?ldflags=)([^\s"'$\\` + "`" + `]*)()$`),
	regexp.MustCompile(`^(")((?:[^"\\$` + "`" + `]|\\.|\$[\w]+|\$\{[^}"]*\})*)(")$`),
	regexp.MustCompile(`^(')([^']*)(')$`),
	regexp.MustCompile(`^()([^\s"'$\\` + "`" + `]*)()$`),
}

// mayStrip is a flag that strips, or what may hold one, among those of the linker.
var mayStrip = regexp.MustCompile("(^|\\s)['\"]?(--?[sw](['\"\\s=]|$)|[$`])")

// linker edits the value of -ldflags, which is the last part of the word.
func (e *callEdits) linker(flag, value *syntax.Word) {
	source := e.source(value)
	end := int(value.End().Offset())
	for _, form := range quotedValue {
		m := form.FindStringSubmatch(source)
		if m == nil {
			continue
		}
		text := m[2]
		if strips(text) {
			text = unstripped(text)
		}
		if mayStrip.MatchString(text) {
			text += noStrip
		}
		switch {
		case text == m[2]:
		case text == "":
			e.drop(flag, value)
		case m[3] == "" && strings.Contains(text, " "):
			e.list = append(e.list, edit{end - len(m[2]), end, "'" + text + "'"})
		default:
			e.list = append(e.list, edit{end - len(m[2]) - len(m[3]), end - len(m[3]), text})
		}
		return
	}
	// The words of an unquoted value are not known, and it is one word or go refuses it.
	e.list = append(e.list, edit{end, end, `"` + noStrip + `"`})
}

// finish adds what stands behind the subcommand, or behind what only a run can tell.
func (e *callEdits) finish(goflags string) ([]edit, error) {
	settings := flagsOf(nil, goflags, e.minor)
	stripped := settings.Last("ldflags")
	switch {
	case e.hidden["ldflags"]:
		return nil, errors.New("the linker's flags come from a variable")
	case !e.ldflags && strips(stripped) && strings.Contains(stripped, "-X"):
		return nil, errors.New("the linker's flags come from GOFLAGS")
	}
	var add []string
	if !e.ldflags && strips(stripped) {
		add = append(add, "-ldflags="+unstripped(stripped))
	}
	if !e.optimized {
		add = append(add, debugGcflags)
		if settings.IsOn("trimpath") || e.hidden["trimpath"] {
			add = append(add, noTrimpath)
		}
	}
	at := int(e.words[0].End().Offset())
	if len(e.hidden) > 0 {
		at = e.after
	}
	text := ""
	for _, flag := range add {
		if name, value, _ := strings.Cut(flag, "="); strings.ContainsAny(value, " ") {
			flag = name + "=" + shellQuoted(value)
		}
		text += " " + flag
	}
	if text != "" {
		e.list = append(e.list, edit{at, at, text})
	}
	return e.list, nil
}
