package standin

import (
	"slices"
	"strings"

	"github.com/dlvgen/dlvgen/internal/shim/toolflags"
)

// stripCall is a command line of a program that strips, read as getopt_long does:
// options and files in any order.
type stripCall struct {
	words []stripWord
	files []string
}

// stripWord is an option with its value, or a file, where names is nil. A word of
// several short options has a name for each.
type stripWord struct {
	words []string
	names []string
	value string // the last one's
}

func (w stripWord) has(set map[string]bool) bool {
	return slices.ContainsFunc(w.names, func(n string) bool { return set[n] })
}

func (t stripper) parse(args []string) stripCall {
	var c stripCall
	for len(args) > 0 {
		w, n := stripWord{words: args[:1]}, 1
		switch first := args[0]; {
		case first == "--":
			w.names = []string{""}
		case strings.HasPrefix(first, "--"):
			w, n = t.parseLong(args)
		case len(first) > 1 && first[0] == '-':
			w, n = t.parseShort(args)
		}
		if w.names == nil {
			c.files = append(c.files, w.words[0])
		}
		c.words = append(c.words, w)
		args = args[n:]
		if w.words[0] == "--" {
			for _, file := range args {
				c.files = append(c.files, file)
				c.words = append(c.words, stripWord{words: []string{file}})
			}
			break
		}
	}
	return c
}

func (t stripper) parseLong(args []string) (w stripWord, n int) {
	name, value, found := strings.Cut(args[0][2:], "=")
	if !found && t.longs[name] && len(args) > 1 {
		return stripWord{words: args[:2], names: []string{name}, value: args[1]}, 2
	}
	return stripWord{words: args[:1], names: []string{name}, value: value}, 1
}

func (t stripper) parseShort(args []string) (w stripWord, n int) {
	cluster := args[0][1:]
	w.words = args[:1]
	for i := range len(cluster) {
		w.names = append(w.names, cluster[i:i+1])
		if !strings.Contains(t.shorts, cluster[i:i+1]) {
			continue
		}
		if w.value = cluster[i+1:]; w.value != "" || len(args) < 2 {
			return w, 1
		}
		return stripWord{words: args[:2], names: w.names, value: args[1]}, 2
	}
	return w, 1
}

// option is the value of the last option that has one of the names.
func (c stripCall) option(set string) string {
	value, wanted := "", toolflags.Names(set)
	for _, w := range c.words {
		if w.has(wanted) {
			value = w.value
		}
	}
	return value
}

// onlyKeepDebug asks for a file of debug information alone.
var onlyKeepDebug = toolflags.Names("only-keep-debug")

// leaveWhole takes Go programs out of the files of a call: what strip and upx have
// done is done in place, or in a copy. With --only-keep-debug the copy is of the
// debug information, and the program stays as it is.
func leaveWhole(c stripCall) stripEdit {
	output := c.option("o output output-file")
	asksForDebug := slices.ContainsFunc(c.words, func(w stripWord) bool { return w.has(onlyKeepDebug) })
	if output != "" && asksForDebug {
		return stripEdit{args: c.without(func(stripWord) bool { return false })}
	}
	edit, others := stripEdit{copies: map[string]string{}}, len(c.files)
	for _, file := range c.files {
		if !isGoProgram(file) {
			continue
		}
		others--
		for _, to := range []string{output, c.option("f")} {
			if to != "" && to != "-" {
				edit.copies[to] = file
			}
		}
	}
	if others > 0 {
		edit.args = c.without(func(w stripWord) bool { return w.names == nil && isGoProgram(w.words[0]) })
	}
	return edit
}

// without are the words of the call that drop doesn't name.
func (c stripCall) without(drop func(stripWord) bool) []string {
	var args []string
	for _, w := range c.words {
		if !drop(w) {
			args = append(args, w.words...)
		}
	}
	return args
}

// objcopyLongs are the long options of objcopy that take a value.
var objcopyLongs = toolflags.Names(`input-target output-target target binary-architecture add-gnu-debuglink
	add-section add-symbol adjust-section-vma adjust-start adjust-vma alt-machine-code byte
	change-addresses change-section-address change-section-lma change-section-vma change-start
	dump-section extract-partition file-alignment gap-fill globalize-symbol globalize-symbols heap
	image-base interleave-width keep-global-symbol keep-global-symbols keep-section keep-symbol
	keep-symbols localize-symbol localize-symbols only-section pad-to prefix-alloc-sections
	prefix-sections prefix-symbols redefine-sym redefine-syms remove-relocations remove-section
	rename-section reverse-bytes section-alignment set-section-alignment set-section-flags set-start
	split-dwo srec-len stack strip-symbol strip-symbols strip-unneeded-symbol strip-unneeded-symbols
	subsystem update-section weaken-symbol weaken-symbols`)

// objcopyStrips are the options that take out symbols or debug information, in both
// families of objcopy.
var objcopyStrips = toolflags.Names(`S strip-all strip-all-gnu g strip-debug strip-unneeded x discard-all
	X discard-locals strip-dwo strip-non-alloc strip-sections`)

// dropStripping takes out of a call of objcopy what strips. The rest is the real
// program's to do; where nothing is left but files, the output is a copy.
// --only-keep-debug leaves its input alone where it has an output of its own.
func dropStripping(c stripCall) stripEdit {
	to := ""
	if len(c.files) > 1 {
		to = c.files[1]
	}
	if slices.ContainsFunc(c.words, func(w stripWord) bool { return w.has(onlyKeepDebug) }) {
		if to == "" || to == c.files[0] {
			return stripEdit{}
		}
		return stripEdit{args: c.without(func(stripWord) bool { return false })}
	}
	edit := stripEdit{copies: map[string]string{}}
	if work := slices.ContainsFunc(c.words, func(w stripWord) bool { return w.names != nil && !strips(w) && w.words[0] != "--" }); work {
		edit.args = c.without(strips)
	} else if to != "" {
		edit.copies[to] = c.files[0]
	}
	return edit
}

func strips(w stripWord) bool {
	if w.has(toolflags.Names("R remove-section")) {
		return strings.HasPrefix(w.value, ".debug") || strings.HasPrefix(w.value, ".zdebug") ||
			w.value == ".symtab" || w.value == ".strtab"
	}
	return w.has(objcopyStrips)
}
