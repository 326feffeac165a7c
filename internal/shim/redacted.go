package shim

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// RedactArgs returns a command line of the go command, without the program's name, in
// which the linker's -X has a short hash for every value: people link in what only the
// step may know, and records and refusals reach logs and registries.
func RedactArgs(words []string) []string {
	redacted := slices.Clone(words)
	for i := 0; i < len(words); i++ {
		name, value, hasValue, ok := cutFlag(words[i])
		if !ok || !isLdflags(name) {
			continue
		}
		if !hasValue {
			if i++; i == len(words) {
				break
			}
			value = words[i]
		}
		redacted[i] = strings.TrimSuffix(words[i], value) + redactLdflags(value)
	}
	return redacted
}

// isLdflags tells whether that is the flag's name, which go test takes in two forms.
func isLdflags(name string) bool { return strings.TrimPrefix(name, "test.") == "ldflags" }

// redactGoflags is RedactArgs for the value of GOFLAGS.
func redactGoflags(value string, minor int) string {
	g, ok := parseGoflags(value, minor)
	if !ok {
		return shortHash("", value)
	}
	for i, f := range g.flags {
		if !isLdflags(f.name) {
			continue
		}
		g.words[i] = g.words[i].ending(f.value, redactLdflags(f.value))
	}
	return joinWords(g.words)
}

// redactLdflags is RedactArgs for a value of -ldflags. One that cannot be read, which
// the real go refuses, is hashed as a whole.
func redactLdflags(value string) string {
	p, err := parsePerPackage(value)
	if err != nil {
		return shortHash("", value)
	}
	words, err := splitWords(p.flags)
	if err != nil {
		return shortHash("", value)
	}
	kept, rest := mapFlags(words, linkValued, func(f toolFlag) []word {
		if f.name != "X" || f.value == "" {
			return f.words
		}
		last := &f.words[len(f.words)-1]
		*last = last.ending(f.value, redactDefinition(f.value))
		return f.words
	})
	for i, w := range rest { // a value with a space that was not quoted
		if i > 0 || w.text != "--" {
			w.raw = shortHash("", w.text)
		}
		kept = append(kept, w)
	}
	p.flags = joinWords(kept)
	return p.String()
}

// ending is the word with its end replaced, inside its quotes where it has some.
func (w word) ending(before, after string) word {
	quote := ""
	if w.raw != w.text {
		quote = w.raw[:1]
	}
	text := strings.TrimSuffix(w.text, before) + after
	return word{raw: quote + text + quote, text: text}
}

// redactDefinition keeps the name of NAME=VALUE.
func redactDefinition(definition string) string {
	name, value, ok := strings.Cut(definition, "=")
	if !ok {
		return shortHash("", definition)
	}
	return name + "=" + shortHash(name, value)
}

// shortHash stands for a value that is not to be known. It has enough digits to tell
// the values of one step apart, and few, since a guess at the value can be checked by it:
// 24 bits are what it gives away.
func shortHash(name, value string) string {
	hash := sha256.Sum256([]byte(name + "=" + value))
	return "<sha256:" + hex.EncodeToString(hash[:3]) + ">"
}
