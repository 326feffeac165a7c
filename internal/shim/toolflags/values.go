package toolflags

import (
	"fmt"
	"strings"
)

// Value is one value of -gcflags, -ldflags or -asmflags: flags for the
// packages that a pattern names, or for the packages on the command line where
// there is no pattern.
//
// cmd/go/internal/load.PerPackageFlag collects all values, those of GOFLAGS
// first, and gives a package the flags of the last value that matches it. So
// values are edited one by one and keep their order.
type Value struct {
	Pattern string // "" without one
	Words   []Word
}

// ParseValue reads a value as PerPackageFlag.Set does. An error means that
// the real go refuses the value.
func ParseValue(value string) (Value, error) {
	value = strings.TrimSpace(value)
	if value == "" || strings.HasPrefix(value, "-") {
		words, err := Split(value)
		return Value{Words: words}, err
	}
	pattern, flags, found := strings.Cut(value, "=")
	if !found || pattern == "" || strings.ContainsAny(value[:1], `'"`) {
		return Value{}, fmt.Errorf("%q has no pattern before its flags", value)
	}
	words, err := Split(flags)
	return Value{Pattern: strings.TrimSpace(pattern), Words: words}, err
}

// noFlag has no effect on the compiler, the assembler and the linker.
const noFlag = "-v=false"

// String is the value as the go command takes it. Without a pattern it must
// begin with a dash, which quotes around what is now the first flag would hide.
func (v Value) String() string {
	flags := Join(v.Words)
	switch {
	case v.Pattern != "":
		return v.Pattern + "=" + flags
	case flags == "" || strings.HasPrefix(flags, "-"):
		return flags
	}
	return noFlag + " " + flags
}

// Edit applies edit to the words of every value of a flag, and spells them as arguments:
// "-name=value" each.
func Edit(name string, values []string, edit func([]Word) []Word) ([]string, error) {
	args := make([]string, len(values))
	for i, value := range values {
		v, err := ParseValue(value)
		if err != nil {
			return nil, err
		}
		v.Words = edit(v.Words)
		args[i] = "-" + name + "=" + v.String()
	}
	return args, nil
}

// Flag is one flag of a compiler, assembler or linker command line with the
// words that spell it: one, or two where the value stands apart.
type Flag struct {
	Name     string
	Value    string
	HasValue bool
	Words    []Word
}

// Map calls edit for every flag in words and joins what it returns. valued
// names the flags that take a value, possibly as the next word. rest are the
// words from the first that is no flag on: the tools stop reading flags there.
func Map(words []Word, valued map[string]bool, edit func(Flag) []Word) (kept, rest []Word) {
	for len(words) > 0 {
		name, value, hasValue, ok := CutFlag(words[0].Text)
		if !ok {
			return kept, words
		}
		n := 1
		if valued[name] && !hasValue && len(words) > 1 {
			value, hasValue, n = words[1].Text, true, 2
		}
		kept = append(kept, edit(Flag{Name: name, Value: value, HasValue: hasValue, Words: words[:n:n]})...)
		words = words[n:]
	}
	return kept, nil
}
