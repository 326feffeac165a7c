package shim

import (
	"errors"
	"fmt"
	"strings"
)

// perPackage is one value of -gcflags, -ldflags or -asmflags: flags for the
// packages that a pattern names, or for the packages on the command line where
// there is no pattern.
//
// cmd/go/internal/load.PerPackageFlag collects all values, those of GOFLAGS
// first, and gives a package the flags of the last value that matches it. So
// values are edited one by one and keep their order.
type perPackage struct {
	pattern    string
	hasPattern bool
	flags      string
}

// parsePerPackage reads a value as PerPackageFlag.Set does. An error means that
// the real go refuses the value.
func parsePerPackage(value string) (perPackage, error) {
	value = strings.TrimSpace(value)
	if value == "" || strings.HasPrefix(value, "-") {
		return perPackage{flags: value}, nil
	}
	pattern, flags, found := strings.Cut(value, "=")
	switch {
	case !found:
		return perPackage{}, errors.New("missing =<value> in <pattern>=<value>")
	case pattern == "":
		return perPackage{}, errors.New("missing <pattern> in <pattern>=<value>")
	case value[0] == '\'' || value[0] == '"':
		return perPackage{}, fmt.Errorf("parameter may not start with quote character %c", value[0])
	}
	return perPackage{pattern: strings.TrimSpace(pattern), hasPattern: true, flags: flags}, nil
}

// noFlag has no effect on the compiler, the assembler and the linker.
const noFlag = "-v=false"

// String is the value as the go command takes it. Without a pattern it must
// begin with a dash, which quotes around what is now the first flag would hide.
func (p perPackage) String() string {
	switch {
	case p.hasPattern:
		return p.pattern + "=" + p.flags
	case p.flags == "" || strings.HasPrefix(p.flags, "-"):
		return p.flags
	}
	return noFlag + " " + p.flags
}

// editPerPackage applies edit to the words of every value.
func editPerPackage(values []string, edit func([]word) []word) ([]perPackage, error) {
	edited := make([]perPackage, 0, len(values))
	for _, value := range values {
		p, err := parsePerPackage(value)
		if err != nil {
			return nil, err
		}
		words, err := splitWords(p.flags)
		if err != nil {
			return nil, err
		}
		p.flags = joinWords(edit(words))
		edited = append(edited, p)
	}
	return edited, nil
}

// flagArgs spells values as arguments: "-name=value" each.
func flagArgs(name string, values []perPackage) []string {
	args := make([]string, len(values))
	for i, value := range values {
		args[i] = "-" + name + "=" + value.String()
	}
	return args
}

// toolFlag is one flag of a compiler, assembler or linker command line with the
// words that spell it: one, or two where the value stands apart.
type toolFlag struct {
	name     string
	value    string
	hasValue bool
	words    []word
}

// mapFlags calls edit for every flag in words and joins what it returns. valued
// names the flags that take a value, possibly as the next word. rest are the
// words from the first that is no flag on: the tools stop reading flags there.
func mapFlags(words []word, valued map[string]bool, edit func(toolFlag) []word) (kept, rest []word) {
	for len(words) > 0 {
		name, value, hasValue, ok := cutFlag(words[0].text)
		if !ok {
			return kept, words
		}
		n := 1
		if valued[name] && !hasValue && len(words) > 1 {
			value, hasValue, n = words[1].text, true, 2
		}
		kept = append(kept, edit(toolFlag{name: name, value: value, hasValue: hasValue, words: words[:n:n]})...)
		words = words[n:]
	}
	return kept, nil
}
