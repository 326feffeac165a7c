// Package standin stands for other programs than go in a compile step: for those that
// strip, which leave Go programs whole, and for rm, which goes around dlvgen's mounts.
package standin

import (
	"debug/elf"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/gocall"
	"github.com/dlvgen/dlvgen/internal/shim/step"
	"github.com/dlvgen/dlvgen/internal/shim/toolflags"
)

// stripper is a program that takes debug information out of others: what differs
// between those that this one stands for.
type stripper struct {
	// name is the program's without a target and a version: "strip" for
	// aarch64-linux-gnu-strip and llvm-strip-14, too.
	name string

	// shorts and longs are the options that take a value, possibly as the next word.
	// A long option has none there that is not given with "=".
	shorts string
	longs  map[string]bool

	// edit makes of a call with Go programs one without harm to them.
	edit func(stripCall) stripEdit
}

// strippers are the programs by name (binutils/objcopy.c of GNU binutils 2.45,
// llvm/tools/llvm-objcopy/*Opts.td, src/strip.c of elfutils, src/main.cpp of upx 5).
var strippers = []stripper{
	{name: "eu-strip", shorts: "fFoR", longs: toolflags.Names("output remove-section"), edit: leaveWhole},
	{name: "objcopy", shorts: "bBFGIjKLNORW", longs: objcopyLongs, edit: dropStripping},
	{name: "strip", shorts: "FIKNOoR", longs: toolflags.Names(`input-target output-target target keep-section
		keep-symbol keep-symbols output-file remove-relocations remove-section strip-symbol`), edit: leaveWhole},
	{name: "upx", shorts: "o", edit: leaveWhole},
}

// stripEdit is what becomes of a call.
type stripEdit struct {
	// args are left for the real program; with none, it is not called.
	args []string

	// copies are the outputs to write, each by the path of what it is a copy of.
	copies map[string]string
}

// NameOf is the plain name of a program that this package stands for, by the path that
// it was started as: "strip" for aarch64-linux-gnu-strip and llvm-strip-14, too. It is
// empty for every other.
func NameOf(path string) string {
	name := filepath.Base(path)
	if name == remover {
		return name
	}
	name = unversioned(name)
	for _, t := range strippers {
		if name == t.name || strings.HasSuffix(name, "-"+t.name) {
			return t.name
		}
	}
	return ""
}

// unversioned is "llvm-strip" for "llvm-strip-14".
func unversioned(name string) string {
	if i := strings.LastIndexByte(name, '-'); i > 0 && strings.Trim(name[i+1:], "0123456789.") == "" {
		return name[:i]
	}
	return name
}

// Strip runs a call of a program that strips, by its plain name, and leaves Go programs
// whole. Such a call works without the real program, too: a script that asks whether
// there is one finds this one.
func Strip(s step.Step, plain string, args []string) int {
	t := strippers[slices.IndexFunc(strippers, func(t stripper) bool { return t.name == plain })]
	name := filepath.Base(s.Name)
	edit := stripEdit{args: args}
	if c := t.parse(args); gocall.ReadMode(s.Mode) != gocall.Symbols && slices.ContainsFunc(c.files, isGoProgram) {
		edit = t.edit(c)
	}
	for to, from := range edit.copies {
		if err := copyWhole(from, to); err != nil {
			s.Say(name + ": " + err.Error() + "\n")
			return 1
		}
	}
	if len(edit.args) == 0 && len(args) > 0 {
		return 0
	}
	real, err := s.Find(name)
	if err != nil {
		return s.NotFound()
	}
	return s.Exec(real.Path, edit.args, s.Env)
}

// isGoProgram tells by the sections that only Go's linker writes. Packed programs
// have none and are nothing to leave whole.
func isGoProgram(path string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return f.Section(".go.buildinfo") != nil || f.Section(".note.go.buildid") != nil
}

// copyWhole writes a program's copy, executable like the program, over what may be
// there. The same file under two names is left alone.
func copyWhole(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Stat(to); err == nil && os.SameFile(info, there) {
		return nil
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	if err := out.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	return out.Close()
}
