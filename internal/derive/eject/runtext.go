package eject

import (
	"regexp"
	"slices"
	"strings"
)

// runText is the script of a RUN instruction, with the places of its bytes in the file.
type runText struct {
	text string
	at   []place
}

// place is a byte of the file: its line, counted from 0, and the byte in that.
type place struct{ line, column int }

// edit puts a text in the place of bytes of a script.
type edit struct {
	start, end int
	text       string
}

// scriptOf is what the shell of a RUN instruction reads: the lines joined as the parser joins
// them, or a here-document that is all there is. It is empty for the exec form.
func (f *file) scriptOf(in *instruction) runText {
	if in.Next == nil || in.Attributes["json"] {
		return runText{}
	}
	t, line := f.joined(in)
	t = t.from(max(0, strings.LastIndex(t.text, in.Next.Value))) // behind the word and its flags
	end := in.EndLine
	if len(in.Heredocs) == 1 && heredocAlone.MatchString(strings.TrimSpace(t.text)) {
		t, end = runText{}, end-1 // without the mark
	}
	for ; line < end; line++ {
		t.addEnd(line - 1)
		t.add(f.lines[line], line, len(f.lines[line]))
	}
	return t
}

// joined is the instruction's first line with those that it goes on in. line is the one
// behind, counted from 0.
func (f *file) joined(in *instruction) (t runText, line int) {
	continued := regexp.MustCompile(`(^|[^\` + f.escape + `])\` + f.escape + `[ \t]*$`)
	for line = in.StartLine - 1; line < in.EndLine; line++ {
		l := f.lines[line]
		if trimmed := strings.TrimSpace(l); line >= in.StartLine && (trimmed == "" || trimmed[0] == '#') {
			continue
		}
		at := continued.FindStringSubmatchIndex(l)
		if at == nil {
			t.add(l, line, len(l))
			return t, line + 1
		}
		t.add(l, line, at[3])
	}
	return t, line
}

// heredocAlone is a RUN instruction whose script is a here-document.
var heredocAlone = regexp.MustCompile(`^<<-?(\w+|"\w+"|'\w+')$`)

func (t *runText) add(l string, line, end int) {
	t.text += l[:end]
	for column := range end {
		t.at = append(t.at, place{line, column})
	}
}

// addEnd ends a line, unless nothing is there yet.
func (t *runText) addEnd(line int) {
	if t.text != "" {
		t.text += "\n"
		t.at = append(t.at, place{line, -1})
	}
}

func (t *runText) from(start int) runText { return runText{t.text[start:], t.at[start:]} }

// apply returns the instruction's lines with edits of its script. Lines of which an edit
// leaves nothing are left out.
func (f *file) apply(in *instruction, t runText, edits []edit) []string {
	was := f.lines[in.StartLine-1 : in.EndLine]
	lines := slices.Clone(was)
	slices.SortStableFunc(edits, func(a, b edit) int { return b.start - a.start })
	for _, e := range edits {
		for _, p := range slices.Backward(t.at[e.start:e.end]) {
			if p.column >= 0 {
				l := &lines[p.line-in.StartLine+1]
				*l = (*l)[:p.column] + (*l)[p.column+1:]
			}
		}
		p := t.at[min(e.start, len(t.at)-1)]
		if e.start > 0 && t.at[e.start-1].column >= 0 { // behind what is ahead of it, which may end a line
			p = place{t.at[e.start-1].line, t.at[e.start-1].column + 1}
		}
		l := &lines[p.line-in.StartLine+1]
		*l = (*l)[:p.column] + e.text + (*l)[p.column:]
	}
	kept := lines[:0:0]
	for i, l := range lines {
		switch {
		case l == was[i]:
		case strings.TrimSpace(l) == f.escape && strings.TrimSpace(was[i]) != f.escape:
			continue
		case strings.TrimSpace(l) == "" && i == len(lines)-1 && len(kept) > 0:
			last := &kept[len(kept)-1]
			*last = strings.TrimRight(strings.TrimSuffix(strings.TrimRight(*last, " \t"), f.escape), " \t")
			continue
		}
		kept = append(kept, l)
	}
	return kept
}
