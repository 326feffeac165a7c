package connect

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/visible"
	"mvdan.cc/sh/v3/syntax"
)

// CommandLine is a command as the user's shell reads it, in a script and at a prompt; empty
// where there are no words. It fails for characters that a prompt would act on.
func (t Target) CommandLine(words []string) (string, error) {
	if t.Windows {
		return powerShellLine(words)
	}
	return CommandLine(words)
}

// powerShellPattern are words that PowerShell takes as they stand.
var powerShellPattern = regexp.MustCompile(`^[\w./:=+-]+$`)

// powerShellLine quotes the words for PowerShell.
func powerShellLine(words []string) (string, error) {
	quoted := slices.Clone(words)
	for i, word := range words {
		if !visible.Text(word) {
			return "", fmt.Errorf("%q cannot be given to a shell: it has characters that are not printed", word)
		}
		if !powerShellPattern.MatchString(word) {
			// PowerShell ends a quoted word at typographic quotes too, unless they are doubled.
			quoted[i] = "'" + powerShellQuotes.ReplaceAllString(word, "$0$0") + "'"
		}
	}
	return strings.Join(quoted, " "), nil
}

var powerShellQuotes = regexp.MustCompile("['\u2018\u2019\u201a\u201b]")

// CommandLine is a command as sh, bash and zsh read it alike, in a script and at a
// prompt; empty where there are no words. It fails for characters that a prompt would act on.
func CommandLine(words []string) (string, error) {
	quoted := make([]string, len(words))
	for i, word := range words {
		var err error
		if quoted[i], err = shellWord(word); err != nil {
			return "", fmt.Errorf("%q cannot be given to a shell: %w", word, err)
		}
	}
	return strings.Join(quoted, " "), nil
}

// optionPattern is what stands in front of the value of --name=value or NAME=value.
var optionPattern = regexp.MustCompile(`^[\w-]+=`)

// shellWord quotes a word that is not the first of its command: there "name=" is no
// assignment, and is easier to read without quotes.
func shellWord(word string) (string, error) {
	option := optionPattern.FindString(word)
	value := word[len(option):]
	if option != "" && value == "" {
		return option, nil
	}
	// Prompts of bash and zsh look for "!" in double quotes too.
	parts := strings.Split(value, "!")
	for i, part := range parts {
		if part == "" && len(parts) > 1 {
			continue
		}
		quoted, err := syntax.Quote(part, syntax.LangPOSIX)
		if err != nil {
			return "", err
		}
		parts[i] = quoted
	}
	return option + strings.Join(parts, `\!`), nil
}
