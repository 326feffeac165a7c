package eject

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	"github.com/dlvgen/dlvgen/llbgen"
	"github.com/moby/buildkit/frontend/dockerfile/command"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/solver/pb"
)

// prefix begins the names of all stages that are added.
const prefix = "dlvgen-"

// mark is the first line of every Dockerfile that is made, behind the lines for the parser.
const mark = "# Debug variant, made by dlvgen dockerfile."

// Own says that the text is of a Dockerfile that dlvgen made.
func Own(text []byte) bool {
	lines := linesOf(text)
	first := directives(lines)
	return first < len(lines) && strings.HasPrefix(lines[first], mark)
}

// linesOf are the lines of a Dockerfile. The parser takes both kinds of ends, and a mark of
// the byte order.
func linesOf(text []byte) []string {
	text = bytes.TrimPrefix(text, []byte("\xEF\xBB\xBF"))
	return strings.Split(strings.TrimRight(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), "\n")
}

// directives is how many lines at the top are for the parser.
func directives(lines []string) int {
	var p parser.DirectiveParser
	for i, l := range lines {
		if i == 0 && strings.HasPrefix(l, "#!") {
			continue
		}
		if d, err := p.ParseLine([]byte(l)); err != nil || d == nil {
			return i
		}
	}
	return len(lines)
}

// file is a Dockerfile with edits by line. Lines are counted from 1.
type file struct {
	lines    []string
	escape   string
	stages   []*stage
	before   map[int][]string
	replaced map[int]replacement
}

// replacement stands for the lines up to end.
type replacement struct {
	text string
	end  int
}

// stage is one of the file's.
type stage struct {
	from         *parser.Node
	name, base   string
	instructions []*instruction

	// added is how many stages stand ahead of the part that has the name.
	added int

	// renamed is a name that the file has not given.
	renamed string
}

func (s *stage) rename(name string) { s.name, s.renamed = name, name }

// instruction is one of a stage's.
type instruction struct {
	*parser.Node
	step *llbgen.Step // nil for what is left as it is

	// captured is the stage that has what the step captured, where that is another one.
	captured string
}

func (i *instruction) is(names ...string) bool {
	return slices.Contains(names, strings.ToLower(i.Value))
}

// flag is the value of a flag, "" where it has none.
func (i *instruction) flag(name string) string {
	for _, f := range i.Flags {
		if value, ok := strings.CutPrefix(f, "--"+name+"="); ok {
			return value
		}
	}
	return ""
}

// copies tells whether a path is one of the sources of a COPY instruction.
func (i *instruction) copies(source string) bool {
	words := slices.DeleteFunc(strings.Fields(i.Original)[1:], func(w string) bool { return strings.HasPrefix(w, "--") })
	return len(words) > 1 && slices.Contains(words[:len(words)-1], source)
}

// parse reads the Dockerfile that a definition was made from.
func parse(source *pb.Source) (*file, error) {
	if len(source.GetInfos()) == 0 {
		return nil, errors.New("the builder did not say which Dockerfile it read")
	}
	if Own(source.Infos[0].Data) {
		return nil, errors.New("the Dockerfile was made by dlvgen dockerfile: name production's with -f")
	}
	lines := linesOf(source.Infos[0].Data)
	dt := []byte(strings.Join(lines, "\n") + "\n")
	parsed, err := parser.Parse(bytes.NewReader(dt))
	if err != nil {
		return nil, fmt.Errorf("reading the Dockerfile: %w", err)
	}
	f := &file{lines: lines, escape: string(parsed.EscapeToken), before: map[int][]string{}, replaced: map[int]replacement{}}
	f.insert(directives(lines)+1, mark)
	// A file whose own syntax line is dlvgen's is one for BuildKit's frontend now.
	if syntax, _, at, ok := parser.DetectSyntax(dt); ok && len(at) > 0 && isOurs(syntax) {
		f.replace(at[0].Start.Line, at[0].Start.Line, "# syntax=docker/dockerfile:1")
	}
	for _, n := range parsed.AST.Children {
		switch {
		case strings.EqualFold(n.Value, command.From):
			s := &stage{from: n}
			words := fromWords(n)
			if s.base = words[0]; len(words) == 3 {
				s.name = words[2]
			}
			if strings.HasPrefix(strings.ToLower(s.name), prefix) {
				return nil, fmt.Errorf("the Dockerfile has a stage %s: dlvgen has made it already", s.name)
			}
			f.stages = append(f.stages, s)
		case len(f.stages) > 0:
			s := f.stages[len(f.stages)-1]
			s.instructions = append(s.instructions, &instruction{Node: n})
		}
	}
	return f, nil
}

// isOurs tells whether an image is dlvgen's frontend, by the last part of its name, which
// mirrors keep.
func isOurs(image string) bool {
	named, err := reference.ParseNormalizedNamed(image)
	return err == nil && path.Base(reference.Path(named)) == "dlvgen"
}

// fromWords are the words of a FROM instruction without its flags: BASE [AS NAME].
func fromWords(n *parser.Node) []string {
	return slices.DeleteFunc(strings.Fields(n.Original)[1:], func(w string) bool { return strings.HasPrefix(w, "--") })
}

// fromLine is a FROM instruction with another name for its stage.
func fromLine(n *parser.Node, name string) string {
	words := strings.Fields(n.Original)
	if given := fromWords(n); len(given) == 3 {
		words = words[:len(words)-2]
	}
	return strings.Join(words, " ") + " AS " + name
}

// find is the stage of a name or number, nil for none.
func (f *file) find(name string) *stage {
	for _, s := range slices.Backward(f.stages) {
		if name != "" && strings.EqualFold(s.name, name) {
			return s
		}
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(f.stages) {
		return f.stages[i]
	}
	return nil
}

// base is the stage that a stage goes on from, nil for none.
func (f *file) base(of *stage) *stage {
	var found *stage
	for _, s := range f.stages[:slices.Index(f.stages, of)] {
		if strings.EqualFold(s.name, of.base) {
			found = s
		}
	}
	return found
}

// at is the instruction that starts in a line, nil for none.
func (f *file) at(line int) *instruction {
	for _, s := range f.stages {
		for _, in := range s.instructions {
			if in.StartLine == line {
				return in
			}
		}
	}
	return nil
}

// insert adds lines ahead of a line, behind what was added there before.
func (f *file) insert(line int, text ...string) { f.before[line] = append(f.before[line], text...) }

// replace puts a text in the place of lines.
func (f *file) replace(start, end int, text string) { f.replaced[start] = replacement{text, end} }

// commentsAbove is the line of the first of the comments directly above an instruction, or
// its own. Lines for the parser, such as "# syntax=", are none.
func (f *file) commentsAbove(n *parser.Node) int {
	line := n.StartLine
	for line > 1 && strings.HasPrefix(strings.TrimSpace(f.lines[line-2]), "#") && line-2 >= directives(f.lines) {
		line--
	}
	return line
}

// end is the line behind a stage's last instruction.
func (s *stage) end() int {
	if len(s.instructions) == 0 {
		return s.from.EndLine + 1
	}
	return s.instructions[len(s.instructions)-1].EndLine + 1
}

// text is the file with its edits.
func (f *file) text() []byte {
	var b bytes.Buffer
	for line := 1; line <= len(f.lines)+1; line++ {
		for _, l := range f.before[line] {
			b.WriteString(l + "\n")
		}
		if line > len(f.lines) {
			break
		}
		if r, ok := f.replaced[line]; ok {
			b.WriteString(r.text + "\n")
			line = r.end
			continue
		}
		b.WriteString(f.lines[line-1] + "\n")
	}
	return b.Bytes()
}
