// Package visible tells text that shows what it is from text that acts on the terminal
// or in the editor that shows it: control characters, which begin escape sequences and
// new lines, and those that change the direction of writing. Names of files, labels and
// answers of registries may have any of them.
package visible

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text tells whether a string is valid UTF-8 and has no such character. Line breaks and
// tabs are some too.
func Text(s string) bool { return escape(s, "") == s }

// Line is a string with such characters as escape sequences of Go, so that it stays on
// one line: \n, \x1b, \u202e.
func Line(s string) string { return escape(s, "") }

// Lines is [Line] for a text of several lines: line breaks and tabs stay.
func Lines(s string) string { return escape(strings.ReplaceAll(s, "\r\n", "\n"), "\n\t") }

// Quote is a string as it is, or as a string literal of Go where it has such characters.
func Quote(s string) string {
	if Text(s) {
		return s
	}
	return strconv.Quote(s)
}

// JSON is a JSON text with such characters in the escape sequences of JSON, which
// encoding/json uses for some of them only.
func JSON(data []byte) []byte {
	var b strings.Builder
	for _, r := range string(data) {
		if hidden(r) && r != '\n' && r != '\t' {
			b.WriteString(`\u` + hex4(r))
			continue
		}
		b.WriteRune(r)
	}
	return []byte(b.String())
}

// hex4 is a character of the basic plane in four digits, which all hidden ones are.
func hex4(r rune) string { return strconv.FormatInt(int64(r)+0x10000, 16)[1:] }

func escape(s, keep string) string {
	var b strings.Builder
	for rest := s; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		one := rest[:size]
		rest = rest[size:]
		if (r == utf8.RuneError && size == 1 || hidden(r)) && !strings.ContainsRune(keep, r) {
			one = strings.Trim(strconv.Quote(one), `"`)
		}
		b.WriteString(one)
	}
	return b.String()
}

// hidden tells characters that act from those that show. None of them is printable for
// strconv.
func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}
