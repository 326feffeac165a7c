package record

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/dlvgen/dlvgen/internal/layout"
	"github.com/dlvgen/dlvgen/internal/shim/link"
	"github.com/dlvgen/dlvgen/internal/shim/step"
)

// Toolexec runs a tool of a build as it was given. Every answer to -V=full is the
// tool's own, so that cmd/go's action ids and its cache are production's. After a
// link that strips, it links once more without, for the symbols.
func Toolexec(s step.Step, words []string) int {
	tool, args, ok := link.CutToolexec(words)
	if !ok {
		s.Say("go: malformed call of " + link.ToolexecMark + "\n")
		return step.ExitCannotStart
	}
	if link.Output(tool[len(tool)-1], args) != "" {
		return linkTwice(s, tool, args)
	}
	path, err := exec.LookPath(tool[0])
	if err == nil {
		err = syscall.Exec(path, slices.Concat(tool, args), s.Env)
	}
	return s.CannotStart(tool[0], err)
}

// linkTwice links as it was told to, and keeps the symbols. Whatever becomes of those,
// the exit code is the first link's.
func linkTwice(s step.Step, tool, args []string) int {
	run := func(args []string) int {
		cmd := exec.Cmd{Path: tool[0], Args: slices.Concat(tool, args), Env: s.Env, Stdin: s.Stdin, Stdout: s.Stdout, Stderr: s.Stderr}
		if found, err := exec.LookPath(tool[0]); err == nil {
			cmd.Path = found
		}
		return step.ExitCode(cmd.Run())
	}
	if code := run(args); code != 0 {
		return code
	}
	args, err := link.Expand(args)
	if err != nil {
		return 0
	}
	file := symbolsFile(link.Flag(args, "buildid"))
	if file == "" || !step.IsDir(s.Capture) {
		return 0
	}
	file = filepath.Join(ownFolder(s), file)
	if err := keepSymbols(s, file, args, run); err != nil {
		_ = writeWhole(file+".error", []byte("keeping symbols: "+err.Error()+"\n"))
	}
	return 0
}

// keepSymbols makes the file of a program's symbols: what the link wrote, or where
// that strips, what it writes otherwise.
func keepSymbols(s step.Step, file string, args []string, run func([]string) int) error {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	made := link.Flag(args, "o")
	if whole, changed := link.Unstripped(args); changed {
		scratch, err := os.MkdirTemp("", "dlvgen-symbols-*")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(scratch) }()
		made = filepath.Join(scratch, "program")
		if code := run(link.WithOutput(whole, made)); code != 0 {
			return fmt.Errorf("the link without -s and -w ended with exit code %d", code)
		}
	}
	data, err := os.ReadFile(made)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // an output that is no file of its own
	}
	if err != nil {
		return err
	}
	if err := writeWhole(file, data); err != nil {
		return err
	}
	return settle(dir, ownFolder(s))
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

// buildIDOf returns Go's build id of an ELF file, as `go tool buildid` prints it. It is
// empty for files without one: other formats, -ldflags=-buildid=.
func buildIDOf(path string) string {
	f, err := elf.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	section := f.Section(".note.go.buildid")
	if section == nil {
		return ""
	}
	// The sizes of name and description, a type, the name "Go\0\0", the description.
	const header = 16
	note, err := section.Data()
	if err != nil || len(note) < header || string(note[12:header]) != "Go\x00\x00" {
		return ""
	}
	size := uint64(f.ByteOrder.Uint32(note[4:8]))
	if size > uint64(len(note)-header) {
		return ""
	}
	return string(note[header : header+size])
}
