// Package toolflags reads and edits flags as the go command hands them to compiler,
// assembler and linker: words with their quotes, and values for the packages of a
// pattern.
package toolflags

import (
	"fmt"
	"strings"
)

// Word is one field of a string that the go command splits itself: the text it
// stands for and the bytes, with their quotes, that it was written as.
type Word struct {
	Raw  string
	Text string
}

// Split splits s as cmd/internal/quoted.Split does: fields stand apart by
// space, tab, newline or carriage return, and a field that begins with ' or "
// runs to the next such quote. Nothing is unescaped, and quotes further inside a
// field are plain bytes. The error names a quote that is never closed.
//
// The words keep how they were written, so that a list can be edited without
// quoting anything anew: what cmd/go read once, it reads again.
func Split(s string) ([]Word, error) {
	var words []Word
	for {
		s = strings.TrimLeft(s, " \t\n\r")
		if s == "" {
			return words, nil
		}
		w, err := firstWord(s)
		if err != nil {
			return nil, err
		}
		words = append(words, w)
		s = s[len(w.Raw):]
	}
}

// Fields splits s at white space only, as Go before 1.20 does with GOFLAGS.
func Fields(s string) []Word {
	fields := strings.Fields(s)
	words := make([]Word, len(fields))
	for i, field := range fields {
		words[i] = Word{Raw: field, Text: field}
	}
	return words
}

func firstWord(s string) (Word, error) {
	if quote := s[0]; quote == '"' || quote == '\'' {
		end := strings.IndexByte(s[1:], quote)
		if end < 0 {
			return Word{}, fmt.Errorf("unterminated %c string", quote)
		}
		return Word{Raw: s[:end+2], Text: s[1 : end+1]}, nil
	}
	end := strings.IndexAny(s, " \t\n\r")
	if end < 0 {
		end = len(s)
	}
	return Word{Raw: s[:end], Text: s[:end]}, nil
}

// Join writes words as they were read, one space apart.
func Join(words []Word) string {
	raws := make([]string, len(words))
	for i, w := range words {
		raws[i] = w.Raw
	}
	return strings.Join(raws, " ")
}

// WithText is the word with another text, inside the quotes that it has.
func (w Word) WithText(text string) Word {
	quote := ""
	if w.Raw != w.Text {
		quote = w.Raw[:1]
	}
	return Word{Raw: quote + text + quote, Text: text}
}

// Ending is the word with its end replaced.
func (w Word) Ending(before, after string) Word {
	return w.WithText(strings.TrimSuffix(w.Text, before) + after)
}

// CutFlag reads one word as the flag package does: "-name", "--name",
// "-name=value". ok is false for words that end the flags.
func CutFlag(text string) (name, value string, hasValue, ok bool) {
	name, found := strings.CutPrefix(text, "-")
	if !found {
		return "", "", false, false
	}
	name = strings.TrimPrefix(name, "-")
	if name == "" || name[0] == '-' || name[0] == '=' {
		return "", "", false, false
	}
	name, value, hasValue = strings.Cut(name, "=")
	return name, value, hasValue, true
}

// Names makes a set of the words in s.
func Names(s string) map[string]bool {
	set := make(map[string]bool)
	for _, name := range strings.Fields(s) {
		set[name] = true
	}
	return set
}
