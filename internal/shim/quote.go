package shim

import (
	"fmt"
	"strings"
)

// word is one field of a string that the go command splits itself: the text it
// stands for and the bytes, with their quotes, that it was written as.
type word struct {
	raw  string
	text string
}

// splitWords splits s as cmd/internal/quoted.Split does: fields stand apart by
// space, tab, newline or carriage return, and a field that begins with ' or "
// runs to the next such quote. Nothing is unescaped, and quotes further inside a
// field are plain bytes. The error names a quote that is never closed.
//
// The words keep how they were written, so that a list can be edited without
// quoting anything anew: what cmd/go read once, it reads again.
func splitWords(s string) ([]word, error) {
	var words []word
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
		s = s[len(w.raw):]
	}
}

// splitFields splits s at white space only, as Go before 1.20 does with GOFLAGS.
func splitFields(s string) []word {
	fields := strings.Fields(s)
	words := make([]word, len(fields))
	for i, field := range fields {
		words[i] = word{raw: field, text: field}
	}
	return words
}

func firstWord(s string) (word, error) {
	if quote := s[0]; quote == '"' || quote == '\'' {
		end := strings.IndexByte(s[1:], quote)
		if end < 0 {
			return word{}, fmt.Errorf("unterminated %c string", quote)
		}
		return word{raw: s[:end+2], text: s[1 : end+1]}, nil
	}
	end := strings.IndexAny(s, " \t\n\r")
	if end < 0 {
		end = len(s)
	}
	return word{raw: s[:end], text: s[:end]}, nil
}

// joinWords writes words as they were read, one space apart.
func joinWords(words []word) string {
	raws := make([]string, len(words))
	for i, w := range words {
		raws[i] = w.raw
	}
	return strings.Join(raws, " ")
}

// cutFlag reads one word as the flag package does: "-name", "--name",
// "-name=value". ok is false for words that end the flags.
func cutFlag(text string) (name, value string, hasValue, ok bool) {
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

// names makes a set of the words in s.
func names(s string) map[string]bool {
	set := make(map[string]bool)
	for _, name := range strings.Fields(s) {
		set[name] = true
	}
	return set
}
