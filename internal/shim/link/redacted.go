package link

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/toolflags"
)

// Redact returns a value of -ldflags in which -X has a short hash for every value:
// people link in what only the step may know, and records and refusals reach logs and
// registries. A value that cannot be read, which the real go refuses, is hashed as a
// whole.
func Redact(value string) string {
	v, err := toolflags.ParseValue(value)
	if err != nil {
		return Hash("", value)
	}
	kept, rest := toolflags.Map(v.Words, valued, func(f toolflags.Flag) []toolflags.Word {
		if f.Name != "X" || f.Value == "" {
			return f.Words
		}
		last := &f.Words[len(f.Words)-1]
		*last = last.Ending(f.Value, redactDefinition(f.Value))
		return f.Words
	})
	for i, w := range rest { // a value with a space that was not quoted
		if i > 0 || w.Text != "--" {
			w.Raw = Hash("", w.Text)
		}
		kept = append(kept, w)
	}
	v.Words = kept
	return v.String()
}

// redactDefinition keeps the name of NAME=VALUE.
func redactDefinition(definition string) string {
	name, value, ok := strings.Cut(definition, "=")
	if !ok {
		return Hash("", definition)
	}
	return name + "=" + Hash(name, value)
}

// Hash stands for a value that is not to be known. It has enough digits to tell
// the values of one step apart, and few, since a guess at the value can be checked by it:
// 24 bits are what it gives away.
func Hash(name, value string) string {
	hash := sha256.Sum256([]byte(name + "=" + value))
	return "<sha256:" + hex.EncodeToString(hash[:3]) + ">"
}
