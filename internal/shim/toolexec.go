package shim

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/layout"
)

// toolexecMark is the first word of a call of this program as -toolexec. The number of
// words of the user's own -toolexec follows it, then those words, the tool and
// its arguments.
const toolexecMark = "dlvgen-toolexec"

// toolexecArgs puts this program in front of every tool of a build, ahead of the
// user's own -toolexec.
func toolexecArgs(executable, users string) ([]string, error) {
	words, err := splitWords(users)
	if err != nil {
		return nil, err
	}
	own := fmt.Sprintf("'%s' %s %d", executable, toolexecMark, len(words))
	if len(words) > 0 {
		own += " " + joinWords(words)
	}
	return []string{"-toolexec=" + own}, nil
}

// toolexec runs a tool of a build as it was given. Every answer to -V=full is the
// tool's own, so that cmd/go's action ids and its cache are production's. After a
// link that strips, it links once more without, for the symbols.
func (s Step) toolexec(words []string) int {
	users, err := strconv.Atoi(words[0])
	words = words[1:]
	if err != nil || len(words) <= users {
		s.say("go: malformed call of " + toolexecMark + "\n")
		return exitCannotStart
	}
	if tool, args := words[users], words[users+1:]; isLink(tool) && linkOutput(args) != "" {
		return s.link(words[:users+1], args)
	}
	path, err := exec.LookPath(words[0])
	if err == nil {
		err = syscall.Exec(path, words, s.Env)
	}
	s.say(fmt.Sprintf("go: starting %s: %v\n", words[0], err))
	return exitCannotStart
}

func isLink(tool string) bool {
	return strings.TrimSuffix(filepath.Base(tool), ".exe") == "link"
}

// linkOutput is the linker's -o, empty where it is only asked for its version.
func linkOutput(args []string) string {
	args, err := expandResponse(args)
	if err != nil {
		return ""
	}
	return linkFlag(args, "o")
}

// link links as it was told to, and keeps the symbols. Whatever becomes of those,
// the exit code is the first link's.
func (s Step) link(tool, args []string) int {
	run := func(args []string) int {
		cmd := exec.Cmd{Path: tool[0], Args: slices.Concat(tool, args), Env: s.Env, Stdin: s.Stdin, Stdout: s.Stdout, Stderr: s.Stderr}
		if found, err := exec.LookPath(tool[0]); err == nil {
			cmd.Path = found
		}
		return exitCode(cmd.Run())
	}
	if code := run(args); code != 0 {
		return code
	}
	args, err := expandResponse(args)
	if err != nil {
		return 0
	}
	file := symbolsFile(linkFlag(args, "buildid"))
	if file == "" || !isDir(s.Capture) {
		return 0
	}
	file = filepath.Join(s.ownCapture(), file)
	if err := s.keepSymbols(file, args, run); err != nil {
		_ = writeWhole(file+".error", []byte(err.Error()+"\n"))
	}
	return 0
}

// keepSymbols makes the file of a program's symbols: what the link wrote, or where
// that strips, what it writes otherwise.
func (s Step) keepSymbols(file string, args []string, run func([]string) int) error {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return fmt.Errorf("keeping symbols: %w", err)
	}
	made := linkFlag(args, "o")
	if whole, changed := unstrippedLink(args); changed {
		scratch, err := os.MkdirTemp("", "dlvgen-symbols-*")
		if err != nil {
			return fmt.Errorf("keeping symbols: %w", err)
		}
		defer func() { _ = os.RemoveAll(scratch) }()
		made = filepath.Join(scratch, "program")
		if code := run(withOutput(whole, made)); code != 0 {
			return fmt.Errorf("keeping symbols: the link without -s and -w ended with exit code %d", code)
		}
	}
	data, err := os.ReadFile(made)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // an output that is no file of its own
	}
	if err != nil {
		return fmt.Errorf("keeping symbols: %w", err)
	}
	if err := writeWhole(file, data); err != nil {
		return fmt.Errorf("keeping symbols: %w", err)
	}
	return settle(dir, s.ownCapture())
}

// symbolsFile is where the symbols of a program with that build id are kept,
// relative to the user's capture. The last part of the id is that of the program's content,
// which cmd/go writes after the link (cmd/go/internal/work/buildid.go).
func symbolsFile(buildID string) string {
	dir, _ := path.Split(buildID)
	if dir == "" {
		return ""
	}
	hash := sha256.Sum256([]byte(dir))
	return path.Join(layout.CaptureSymbols, hex.EncodeToString(hash[:12]))
}

// linkFlag is the value of one of the linker's flags, the last one.
func linkFlag(args []string, name string) string {
	value := ""
	mapFlags(rawWords(args), linkValued, func(f toolFlag) []word {
		if f.name == name {
			value = f.value
		}
		return nil
	})
	return value
}

// unstrippedLink drops from a linker's arguments what makes it strip. It is false
// where there is nothing of the kind.
func unstrippedLink(args []string) ([]string, bool) {
	whole := argumentsOf(unstrippedWords(rawWords(args)))
	return whole, !slices.Equal(whole, args)
}

// withOutput replaces the linker's -o.
func withOutput(args []string, output string) []string {
	kept, rest := mapFlags(rawWords(args), linkValued, func(f toolFlag) []word {
		if f.name == "o" {
			return rawWords([]string{"-o", output})
		}
		return f.words
	})
	return argumentsOf(append(kept, rest...))
}

// rawWords are arguments as words. Each counts as quoted, since it may hold
// anything.
func rawWords(args []string) []word {
	words := make([]word, len(args))
	for i, a := range args {
		words[i] = word{raw: `"` + a + `"`, text: a}
	}
	return words
}

func argumentsOf(words []word) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = w.text
	}
	return list
}

// expandResponse replaces @file by the arguments in it, one a line, in which cmd/go
// gives a tool what no command line has room for (encodeArg in
// cmd/go/internal/work/exec.go).
func expandResponse(args []string) ([]string, error) {
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
