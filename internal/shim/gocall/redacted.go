package gocall

import (
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/link"
	"github.com/dlvgen/dlvgen/internal/shim/toolflags"
)

// RedactArgs returns a command line of the go command, without the program's name, with
// the values of -ldflags as link.Redact has them.
func RedactArgs(words []string) []string {
	redacted := slices.Clone(words)
	for i := 0; i < len(words); i++ {
		name, value, hasValue, ok := toolflags.CutFlag(words[i])
		if !ok || !isLdflags(name) {
			continue
		}
		if !hasValue {
			if i++; i == len(words) {
				break
			}
			value = words[i]
		}
		redacted[i] = strings.TrimSuffix(words[i], value) + link.Redact(value)
	}
	return redacted
}

// isLdflags tells whether that is the flag's name, which go test takes in two forms.
func isLdflags(name string) bool { return strings.TrimPrefix(name, "test.") == "ldflags" }

// RedactGoflags is RedactArgs for the value of GOFLAGS.
func RedactGoflags(value string, minor int) string {
	g, ok := parseGoflags(value, minor)
	if !ok {
		return link.Hash("", value)
	}
	for i, f := range g.flags {
		if !isLdflags(f.name) {
			continue
		}
		g.words[i] = g.words[i].Ending(f.value, link.Redact(f.value))
	}
	return toolflags.Join(g.words)
}
