package doctor

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"regexp"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/gobin"
	"github.com/dlvgen/dlvgen/internal/imagecheck"
)

// compareWithProgram compares the checkout with what a program says of its sources. undeclared is
// why its debug information says nothing.
func (c *checkout) compareWithProgram(ctx context.Context, facts *gobin.Facts, undeclared error) finding {
	s := stampOf(facts)
	var byCommit []string
	noCommit := errors.New("the program names no commit")
	if s.revision != "" {
		byCommit, noCommit = changed(ctx, c.folder, s.revision)
	}
	result, unsure := &comparison{}, &comparison{}
	for _, file := range byCommit {
		switch {
		case !c.isCompiled(file):
		case s.modified:
			unsure.differ(file, "it is not that of commit "+s.short()+", and may be one of the changes")
		default:
			result.differ(file, "it is not that of commit "+s.short())
		}
	}
	if undeclared == nil {
		c.compareLines(result)
	}
	switch n := len(result.differs); {
	case n > 0:
		return withDetails(failed(remedyFor(facts), "%s of %s %s not what the program was compiled from: %s", count(n, "source file"), c.folder, verb(n), firstNames(result.differs)), listed(result.differs)...)
	case len(unsure.differs) > 0:
		return withDetails(warning(remedyFor(facts), "%s, which the checkout %s has otherwise: %s", noCommitText(s, noCommit), c.folder, firstNames(unsure.differs)), listed(unsure.differs)...)
	case noCommit == nil && !s.modified:
		return found("%s has the sources of commit %s, which the program was compiled from", c.folder, s.short())
	case noCommit == nil:
		return withDetails(found("%s has the sources of commit %s, and nothing shows a change", c.folder, s.short()), noCommitText(s, noCommit)+": .dockerignore may leave out files of the repository, or an image was built of work in progress")
	case undeclared != nil:
		return warning("build an image with the sources: --variant remote-src, or sidecar", "it cannot be told whether %s is what was compiled: %s, and %s", c.folder, noCommitText(s, noCommit), undeclared)
	}
	return withDetails(found("the lines of code in %s of %s are where the program has them", count(result.files, "file"), c.folder),
		noCommitText(s, noCommit)+", so a change within a line cannot be seen: an image with sources tells (--variant remote-src)")
}

// noCommitText says why a commit tells nothing.
func noCommitText(s stamp, err error) string {
	if err == nil && s.modified {
		return "the program was compiled from changes beyond commit " + s.short()
	}
	return err.Error()
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func verb(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// compareLines looks for each function where the debug information says that it is declared, and
// for code on each line that it says has some.
func (c *checkout) compareLines(result *comparison) {
	for file, declared := range c.compiled {
		result.files++
		data, reason := c.read(file)
		if reason == "" {
			reason = compareDeclared(data, declared)
		}
		if reason != "" {
			result.differ(file, reason)
		}
	}
}

// compareDeclared says how a Go file differs from what debug information says of it, "" if it need
// not.
func compareDeclared(data []byte, declared *imagecheck.DeclaredFile) string {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, "", data, parser.SkipObjectResolution)
	if err != nil {
		return "it is not valid Go"
	}
	here := map[string][2]int{}
	for _, decl := range parsed.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok {
			here[declaredName(f)] = [2]int{set.PositionFor(f.Pos(), false).Line, set.PositionFor(f.Name.Pos(), false).Line}
		}
	}
	if hasLineComments(data) {
		return "" // its lines are another file's
	}
	reasons := map[int]string{}
	for name, line := range declared.Functions {
		local, ok := localName(name)
		if !ok {
			continue
		}
		switch at, has := here[local]; {
		case !has:
			reasons[line] = fmt.Sprintf("it has no function %s, which was compiled from line %d", local, line)
		case line < at[0] || line > at[1]:
			reasons[line] = fmt.Sprintf("%s was compiled from line %d, and is at line %d here", local, line, at[0])
		}
	}
	if len(reasons) > 0 {
		first := 0
		for line := range reasons {
			if first == 0 || line < first {
				first = line
			}
		}
		return reasons[first]
	}
	return compareCode(data, declared.Lines)
}

// compareCode looks for a token on each line that has code.
func compareCode(data []byte, lines map[int]bool) string {
	tokens, last := tokenLines(data)
	var missing []int
	for line := range lines {
		if line > 1 && !tokens[line] { // what the compiler makes itself may have the first line
			missing = append(missing, line)
		}
	}
	if len(missing) == 0 {
		return ""
	}
	line := slices.Min(missing)
	if line > last {
		return fmt.Sprintf("code was compiled from its line %d, and it has %d lines here", line, last)
	}
	return fmt.Sprintf("code was compiled from its line %d, which has none here", line)
}

// tokenLines are the lines on which tokens begin, and the number of lines.
func tokenLines(data []byte) (lines map[int]bool, last int) {
	set := token.NewFileSet()
	file := set.AddFile("", -1, len(data))
	var s scanner.Scanner
	s.Init(file, data, func(token.Position, string) {}, 0)
	lines = map[int]bool{}
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			return lines, file.LineCount()
		}
		if tok != token.SEMICOLON || text == ";" { // those of line ends are none
			lines[file.PositionFor(pos, false).Line] = true
		}
	}
}

var lineComment = regexp.MustCompile(`(?m)^//line |/\*line `)

// hasLineComments tells whether a file gives its lines other names.
func hasLineComments(data []byte) bool { return lineComment.Match(data) }

// declaredName is a function as localName names it.
func declaredName(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	kind := f.Recv.List[0].Type
	for {
		switch t := kind.(type) {
		case *ast.StarExpr:
			kind = t.X
			continue
		case *ast.ParenExpr:
			kind = t.X
			continue
		case *ast.IndexExpr:
			kind = t.X
			continue
		case *ast.IndexListExpr:
			kind = t.X
			continue
		case *ast.Ident:
			return t.Name + "." + f.Name.Name
		}
		return f.Name.Name
	}
}

// The names of functions that a file declares, without type arguments, and those that the compiler
// makes: of function literals, of what is deferred, of method values.
var (
	declaredPattern = regexp.MustCompile(`^(?:\(\*([\pL_][\pL\pN_]*)\)\.|([\pL_][\pL\pN_]*)\.)?([\pL_][\pL\pN_]*)$`)
	madePattern     = regexp.MustCompile(`^(?:func|gowrap|deferwrap|dwrap|init)\d*$`)
)

// localName is a function as declaredName has it, "DB.Close" of "(*DB[go.shape.int]).Close". It is
// false for what no file declares.
func localName(name string) (string, bool) {
	name = withoutArguments(name)
	m := declaredPattern.FindStringSubmatch(name)
	const parts = 4
	if len(m) < parts || madePattern.MatchString(m[parts-1]) {
		return "", false
	}
	if kind := m[1] + m[2]; kind != "" {
		return kind + "." + m[parts-1], true
	}
	return m[parts-1], true
}

// withoutArguments takes out what is in brackets.
func withoutArguments(name string) string {
	var b strings.Builder
	depth := 0
	for _, r := range name {
		switch r {
		case '[':
			depth++
		case ']':
			depth--
		default:
			if depth == 0 {
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}
