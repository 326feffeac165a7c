package link

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/toolflags"
)

// ToolexecMark is the first word of a call of this program as -toolexec. The number of
// words of the user's own -toolexec follows it, then those words, the tool and
// its arguments.
const ToolexecMark = "dlvgen-toolexec"

// ToolexecArgs puts this program in front of every tool of a build, ahead of the
// user's own -toolexec.
func ToolexecArgs(executable, users string) ([]string, error) {
	words, err := toolflags.Split(users)
	if err != nil {
		return nil, err
	}
	own := fmt.Sprintf("-toolexec='%s' %s %d %s", executable, ToolexecMark, len(words), toolflags.Join(words))
	return []string{strings.TrimSuffix(own, " ")}, nil
}

// CutToolexec takes apart what follows the mark: tool are the words that start a tool,
// the user's own -toolexec first, and args the tool's arguments. ok is false for words of
// another form.
func CutToolexec(words []string) (tool, args []string, ok bool) {
	users, err := strconv.Atoi(words[0])
	if words = words[1:]; err != nil || len(words) <= users {
		return nil, nil, false
	}
	return words[:users+1], words[users+1:], true
}

// Output is the file that a tool links, empty for every other tool and for a linker
// that is only asked for its version.
func Output(tool string, args []string) string {
	if strings.TrimSuffix(filepath.Base(tool), ".exe") != "link" {
		return ""
	}
	args, err := Expand(args)
	if err != nil {
		return ""
	}
	return Flag(args, "o")
}

// Flag is the value of one of the linker's flags, the last one.
func Flag(args []string, name string) string {
	value := ""
	toolflags.Map(rawWords(args), valued, func(f toolflags.Flag) []toolflags.Word {
		if f.Name == name {
			value = f.Value
		}
		return nil
	})
	return value
}

// Unstripped drops from a linker's arguments what makes it strip. It is false
// where there is nothing of the kind.
func Unstripped(args []string) ([]string, bool) {
	whole := argumentsOf(unstrippedWords(rawWords(args)))
	return whole, !slices.Equal(whole, args)
}

// WithOutput replaces the linker's -o.
func WithOutput(args []string, output string) []string {
	kept, rest := toolflags.Map(rawWords(args), valued, func(f toolflags.Flag) []toolflags.Word {
		if f.Name == "o" {
			return rawWords([]string{"-o", output})
		}
		return f.Words
	})
	return argumentsOf(append(kept, rest...))
}

// rawWords are arguments as words. Each counts as quoted, since it may hold
// anything.
func rawWords(args []string) []toolflags.Word {
	words := make([]toolflags.Word, len(args))
	for i, a := range args {
		words[i] = toolflags.Word{Raw: `"` + a + `"`, Text: a}
	}
	return words
}

func argumentsOf(words []toolflags.Word) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = w.Text
	}
	return list
}

// Expand replaces @file by the arguments in it, one a line, in which cmd/go
// gives a tool what no command line has room for (encodeArg in
// cmd/go/internal/work/exec.go).
func Expand(args []string) ([]string, error) {
	var expanded []string
	for _, a := range args {
		name, ok := strings.CutPrefix(a, "@")
		if !ok {
			expanded = append(expanded, a)
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(data)) {
			expanded = append(expanded, strings.NewReplacer(`\\`, `\`, `\n`, "\n").Replace(strings.TrimSuffix(line, "\n")))
		}
	}
	return expanded, nil
}
